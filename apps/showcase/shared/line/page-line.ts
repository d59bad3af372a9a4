/** The one connection of a page: the typed client, how it stands in words, what goes over it, and a switch that cuts it. */
import { type Client, connect } from "@holdfast/client";
import type { ShowcaseApp } from "../../server/app.js";
import { basePathOf } from "../base-path.js";
import { ConnectionStatus } from "./connection-status.js";
import { FrameLog, type Recovery } from "./frame-log.js";
import { LineTap } from "./line-tap.js";

export interface PageLineOptions {
  /** The query of the page's address. */
  readonly search: string;
  readonly onChange: () => void;
  /** The server knows no session for what the browser sent, or the person has logged out in another window. */
  readonly onSessionEnd: (why: "unknown" | "logged out") => void;
}

const maxReconnectDelayMs = 10_000;
const unknownCode = 3501;
const loggedOutCode = 4501;

export class PageLine {
  readonly client: Client<ShowcaseApp>;
  readonly status: ConnectionStatus;
  readonly #tapped: TappedLine;

  constructor({ search, onChange, onSessionEnd }: PageLineOptions) {
    const status = new ConnectionStatus(Date.now, onChange);
    this.status = status;
    this.#tapped = new TappedLine({
      onChange,
      reconnect: () => {
        if (this.client.status.state === "connecting") this.client.reconnect();
      },
      onRecovery: ({ channel, isRecovered, count }) =>
        status.receiveRoomReturn(channel, isRecovered ? { isRecovered, count } : { isRecovered }),
      onFresh: (channel) => status.forgetRoom(channel),
    });
    this.client = connect<ShowcaseApp>(addressOf(search), {
      webSocket: this.#tapped.webSocket,
      maxReconnectDelayMs,
      onReconnectDelay: (delayMs) => status.receiveRetryDelay(delayMs),
      // What is behind it comes as a status, too.
      onError: () => {},
    });
    this.client.onStatus((now) => {
      if (now.state === "connecting") status.receiveConnecting();
      else if (now.state === "connected") status.receiveConnected(this.log.positions.keys());
      else {
        status.receiveDisconnected(now.code, now.reason);
        if (now.code === unknownCode) onSessionEnd("unknown");
        if (now.code === loggedOutCode) onSessionEnd("logged out");
      }
    });
  }

  get log(): FrameLog {
    return this.#tapped.log;
  }

  /** Unix milliseconds; undefined while the line is whole. */
  get cutUntil(): number | undefined {
    return this.#tapped.cutUntil;
  }

  /** Cuts the line for some seconds, after which the page connects again at once. */
  cut(): void {
    this.#tapped.cut();
  }

  tryNow(): void {
    this.client.reconnect();
  }

  close(): void {
    this.client.close();
  }
}

/** Of the server; `as` in the page's address names a session of its own, also for the WebSocket. */
export function addressOf(search: string): string {
  const as = new URLSearchParams(search).get("as");
  return basePathOf() + (as === null ? "" : `?${new URLSearchParams({ as })}`);
}

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
