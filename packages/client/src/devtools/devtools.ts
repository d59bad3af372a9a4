/** What an application makes of this entry: the recording class for its client, interruptions, and the panel, loaded when it is first opened. */
import { ConnectionLog, defaultMaxEntries, type LogListeners } from "./connection-log.js";
import { Recorder, type RecorderOptions } from "./recorder.js";

/** A button of the panel. */
export interface DevtoolsAction {
  readonly label: string;
  /** Shown when the pointer rests on the button. */
  readonly title?: string;
  /** If it rejects, the panel shows the error's message. */
  readonly run: () => void | Promise<void>;
}

export interface DevtoolsOptions extends LogListeners {
  /** Buttons beside the panel's own. @default none */
  readonly actions?: readonly DevtoolsAction[];
  /** Maximum number of entries that are kept. @default 300 */
  readonly maxEntries?: number;
  /** Called when an interruption starts and ends. @default none */
  readonly onChange?: () => void;
  /** The class that connections are made with. @default the global WebSocket */
  readonly webSocket?: WebSocketClass;
  /** Unix milliseconds. @default Date.now */
  readonly clock?: () => number;
  /** Runs a task after a delay. @default setTimeout */
  readonly later?: (delayMs: number, task: () => void) => void;
}

/** What an interruption needs of a client. */
export interface ReconnectingClient {
  readonly status: { readonly state: string };
  reconnect(): void;
}

/** An element of the page. */
export interface MountTarget {
  replaceChildren(...children: never[]): void;
}

/** A class with the interface of the WebSocket of browsers. */
export type WebSocketClass = new (url: string, protocols?: string[]) => object;

/** Options of `connect` that have the client record its connections. */
export interface RecordingOptions {
  readonly webSocket: WebSocketClass;
  readonly onReconnectDelay: (delayMs: number) => void;
}

const defaultInterruptionMs = 6000;

/** @see createDevtools */
export class Devtools {
  readonly log: ConnectionLog;
  /** For `connect`: `connect(url, { ...options, ...devtools.clientOptions })`. */
  readonly clientOptions: RecordingOptions;
  readonly actions: readonly DevtoolsAction[];
  readonly #recorder: Recorder;
  readonly #clock: () => number;
  readonly #later: RecorderOptions["later"];
  readonly #onChange: () => void;
  #client: ReconnectingClient | undefined;
  #interruptedUntil: number | undefined;
  #panel: { close(): void } | undefined;
  #isWanted = false;
  #onClosed: (() => void) | undefined;

  /** Made by `createDevtools`. */
  constructor(options: DevtoolsOptions) {
    const {
      actions = [],
      clock = Date.now,
      later = (delayMs, task) => void setTimeout(task, delayMs),
      maxEntries = defaultMaxEntries,
      onChange = () => {},
      webSocket = globalThis.WebSocket as WebSocketClass,
    } = options;
    this.actions = actions;
    this.#clock = clock;
    this.#later = later;
    this.#onChange = onChange;
    this.log = new ConnectionLog(clock, options, maxEntries);
    this.#recorder = new Recorder({
      webSocket: webSocket as RecorderOptions["webSocket"],
      log: this.log,
      later,
    });
    this.clientOptions = {
      webSocket: this.#recorder.webSocket,
      onReconnectDelay: (delayMs) => this.log.receiveWait(delayMs),
    };
  }

  /** A class with the interface of the browser's WebSocket, for programs that use no client: `new devtools.webSocket(url)`. */
  get webSocket(): WebSocketClass {
    return this.#recorder.webSocket;
  }

  /** Unix milliseconds at which the interruption ends; undefined without one. */
  get interruptedUntil(): number | undefined {
    return this.#interruptedUntil;
  }

  get isOpen(): boolean {
    return this.#panel !== undefined;
  }

  /** Has `client` reconnect at once after an interruption, not after its delay. */
  attach(client: ReconnectingClient): void {
    this.#client = client;
  }

  /** Drops all connections without a close frame, as a lost network does, and lets none be established meanwhile. @default 6,000 ms */
  interrupt(durationMs: number = defaultInterruptionMs): void {
    if (this.#interruptedUntil !== undefined) return;
    this.#interruptedUntil = this.#clock() + durationMs;
    this.#recorder.interrupt();
    this.#onChange();
    this.#later(durationMs, () => {
      this.#interruptedUntil = undefined;
      this.#recorder.restore();
      if (this.#client?.status.state === "connecting") this.#client.reconnect();
      this.#onChange();
    });
  }

  /**
   * Closes the open connections from this side with a close frame; a client reconnects afterwards.
   * @param code 1000, or 3000 to 4999 @param reason up to 123 bytes @returns how many were open
   */
  closeConnections(code = 1000, reason = "closed in devtools"): number {
    return this.#recorder.close(code, reason);
  }

  /** Opens the panel, at the end of the page's body. @param onClosed called when somebody closes it */
  async open(onClosed?: () => void): Promise<void> {
    this.#isWanted = true;
    this.#onClosed = onClosed;
    const { openPanel } = await import("./panel.js");
    if (!this.#isWanted || this.#panel) return;
    this.#panel = openPanel(this, () => {
      this.close();
      this.#onClosed?.();
    });
  }

  /** Shows the timeline alone inside an element of the page. @returns a function that removes it */
  async mount(target: MountTarget): Promise<() => void> {
    const { mountTimeline } = await import("./panel.js");
    return mountTimeline(this, target as unknown as HTMLElement);
  }

  close(): void {
    this.#isWanted = false;
    this.#panel?.close();
    this.#panel = undefined;
  }
}

/**
 * Makes devtools for one or more clients. Give them `clientOptions`, and call `open` to show the panel.
 * @example
 * const devtools = createDevtools();
 * const client = connect(url, devtools.clientOptions);
 * devtools.attach(client);
 * await devtools.open();
 */
export function createDevtools(options: DevtoolsOptions = {}): Devtools {
  return new Devtools(options);
}
