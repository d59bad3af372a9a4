/**
 * Sits between the client and the browser's WebSocket: writes down the frames that pass, and can cut the line for a while, as
 * a tunnel does. While it is cut nothing passes in either direction, and no new connection comes about.
 */
import type { FrameLog } from "./frame-log.js";

export interface LineTapOptions {
  /** The browser's. */
  readonly webSocket: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;
  readonly log: FrameLog;
  /** Runs a task after a time. */
  readonly later: (delayMs: number, task: () => void) => void;
}

type Handler<E> = ((event: E) => void) | null;

/** How a browser reports a connection that ended without a closing handshake (RFC 6455 §7.1.5). */
const lost = { code: 1006, reason: "", wasClean: false } as const;

export class LineTap {
  readonly #open = new Set<TappedWebSocket>();
  #isCut = false;
  /** For the client's option of that name. */
  readonly webSocket: new (
    url: string,
    protocols?: string[],
  ) => object;

  constructor(options: LineTapOptions) {
    const tap = this;
    this.webSocket = class extends TappedWebSocket {
      constructor(url: string, protocols?: string[]) {
        super(options, url, protocols, tap.#isCut);
        tap.#open.add(this);
        this.onend = () => tap.#open.delete(this);
      }
    };
  }

  get isCut(): boolean {
    return this.#isCut;
  }

  cut(): void {
    this.#isCut = true;
    for (const socket of [...this.#open]) socket.lose();
  }

  mend(): void {
    this.#isCut = false;
  }
}

class TappedWebSocket {
  onopen: Handler<unknown> = null;
  onmessage: Handler<{ readonly data: unknown }> = null;
  onerror: Handler<unknown> = null;
  onclose: Handler<{ readonly code: number; readonly reason: string; readonly wasClean: boolean }> = null;
  /** Called once, before the client is told. */
  onend: () => void = () => {};
  readonly #options: LineTapOptions;
  readonly #inner: WebSocket | undefined;
  #isOver = false;

  constructor(options: LineTapOptions, url: string, protocols: string[] | undefined, isCut: boolean) {
    this.#options = options;
    if (isCut) {
      options.later(0, () => this.lose());
      return;
    }
    const inner = protocols ? new options.webSocket(url, protocols) : new options.webSocket(url);
    this.#inner = inner;
    inner.onopen = (event) => {
      if (this.#isOver) return;
      options.log.receiveOpen();
      this.onopen?.(event);
    };
    inner.onmessage = (event: MessageEvent) => {
      if (this.#isOver) return;
      if (typeof event.data === "string") options.log.receive("down", event.data);
      this.onmessage?.(event);
    };
    inner.onerror = (event) => {
      if (!this.#isOver) this.onerror?.(event);
    };
    inner.onclose = (event) => {
      if (this.#end()) this.onclose?.(event);
    };
  }

  get readyState(): number {
    if (this.#isOver) return 3;
    return this.#inner?.readyState ?? 0;
  }

  send(data: string): void {
    if (this.#isOver) return;
    this.#options.log.receive("up", data);
    this.#inner?.send(data);
  }

  close(code?: number, reason?: string): void {
    this.#inner?.close(code, reason);
  }

  /** The client hears at once that the line is gone; what is still under way is dropped. */
  lose(): void {
    if (!this.#end()) return;
    this.#inner?.close();
    this.onerror?.({ type: "error" });
    this.onclose?.(lost);
  }

  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.onend();
    return true;
  }
}
