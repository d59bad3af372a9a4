/** A line that can be looked at, and cut for some seconds. The client over it is another's. */
import { FrameLog, type Recovery } from "./frame-log.js";
import { LineTap } from "./line-tap.js";

export interface TappedLineOptions {
  readonly onChange: () => void;
  /** Connects again, unless there is a connection or none is wanted. */
  readonly reconnect: () => void;
  readonly onRecovery?: (recovery: Recovery) => void;
  /** A subscription that is there without having been away. */
  readonly onFresh?: (channel: string) => void;
  readonly clock?: () => number;
  readonly later?: (delayMs: number, task: () => void) => void;
  /** @default the browser's */
  readonly webSocket?: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;
}

const cutMs = 6000;

export class TappedLine {
  readonly log: FrameLog;
  readonly #tap: LineTap;
  readonly #options: Required<TappedLineOptions>;
  #cutUntil: number | undefined;

  constructor(options: TappedLineOptions) {
    const all = {
      onRecovery: () => {},
      onFresh: () => {},
      clock: Date.now,
      later: (delayMs: number, task: () => void) => void setTimeout(task, delayMs),
      webSocket: globalThis.WebSocket,
      ...options,
    };
    this.#options = all;
    this.log = new FrameLog(all.clock, all.onRecovery, all.onFresh);
    this.#tap = new LineTap({ webSocket: all.webSocket, log: this.log, later: all.later });
  }

  /** For the client's option of that name. */
  get webSocket(): new (
    url: string,
    protocols?: string[],
  ) => object {
    return this.#tap.webSocket;
  }

  /** Unix milliseconds; undefined while the line is whole. */
  get cutUntil(): number | undefined {
    return this.#cutUntil;
  }

  /** Cuts the line for some seconds, after which the page connects again at once. */
  cut(): void {
    if (this.#cutUntil !== undefined) return;
    const { clock, later, onChange, reconnect } = this.#options;
    this.#cutUntil = clock() + cutMs;
    this.#tap.cut();
    onChange();
    later(cutMs, () => {
      this.#cutUntil = undefined;
      this.#tap.mend();
      reconnect();
      onChange();
    });
  }
}
