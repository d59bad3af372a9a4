/**
 * A WebSocket class that passes everything to the platform's and records it. It can interrupt its connections for a while, as a tunnel
 * does: nothing passes in either direction, and no connection is established.
 */
import type { CloseEntry, ConnectionLog } from "./connection-log.js";

export interface RecorderOptions {
  /** The platform's. */
  readonly webSocket: new (
    url: string,
    protocols?: string | string[],
  ) => WebSocket;
  readonly log: ConnectionLog;
  /** Runs a task after a delay. */
  readonly later: (delayMs: number, task: () => void) => void;
}

type Handler = ((event: never) => void) | null;
type Listener = ((event: never) => void) | { handleEvent(event: never): void };
type EventName = "open" | "message" | "error" | "close";

/** How browsers report a connection that ended without a closing handshake (RFC 6455 §7.1.5). */
const abnormalClosure = { type: "close", code: 1006, reason: "", wasClean: false } as const;

export class Recorder {
  readonly #open = new Set<RecordingSocket>();
  #isInterrupted = false;
  readonly webSocket: new (
    url: string,
    protocols?: string[],
  ) => object;

  constructor(options: RecorderOptions) {
    const recorder = this;
    this.webSocket = class extends RecordingSocket {
      constructor(url: string, protocols?: string | string[]) {
        super(options, url, protocols, recorder.#isInterrupted);
        recorder.#open.add(this);
        this.onend = () => recorder.#open.delete(this);
      }
    };
  }

  get isInterrupted(): boolean {
    return this.#isInterrupted;
  }

  interrupt(): void {
    this.#isInterrupted = true;
    for (const socket of [...this.#open]) socket.interrupt();
  }

  restore(): void {
    this.#isInterrupted = false;
  }

  /** Starts the closing handshake of every open connection. @returns how many there were */
  close(code: number, reason: string): number {
    const open = [...this.#open].filter(({ readyState }) => readyState === 1);
    for (const socket of open) socket.close(code, reason);
    return open.length;
  }
}

class RecordingSocket {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  /** Called once, before the client's handlers. */
  onend: () => void = () => {};
  readonly url: string;
  readonly #log: ConnectionLog;
  readonly #inner: WebSocket | undefined;
  readonly #listeners = new Map<string, Set<Listener>>();
  #binaryType: BinaryType = "blob";
  #hasClosed = false;
  #isOver = false;

  constructor(
    { webSocket, log, later }: RecorderOptions,
    url: string,
    protocols: string | string[] | undefined,
    isInterrupted: boolean,
  ) {
    this.#log = log;
    this.url = String(url);
    log.receiveOpening(this.url, protocols === undefined ? [] : [protocols].flat());
    if (isInterrupted) {
      later(0, () => this.interrupt());
      return;
    }
    const inner = protocols ? new webSocket(url, protocols) : new webSocket(url);
    this.#inner = inner;
    inner.onopen = (event) => {
      if (this.#isOver) return;
      log.receiveOpen(inner.protocol ?? "", inner.extensions ?? "");
      this.#dispatch("open", event);
    };
    inner.onmessage = (event: MessageEvent) => {
      if (this.#isOver) return;
      this.#record("received", event.data);
      this.#dispatch("message", event);
    };
    inner.onerror = (event) => {
      if (!this.#isOver) this.#dispatch("error", event);
    };
    inner.onclose = (event) => {
      const { code, reason, wasClean } = event;
      const closedBy = this.#hasClosed ? "page" : wasClean ? "server" : "network";
      if (this.#end({ code, reason: reason ?? "", wasClean, closedBy })) this.#dispatch("close", event);
    };
  }

  get readyState(): number {
    if (this.#isOver) return 3;
    return this.#inner?.readyState ?? 0;
  }

  get protocol(): string {
    return this.#inner?.protocol ?? "";
  }

  get extensions(): string {
    return this.#inner?.extensions ?? "";
  }

  get bufferedAmount(): number {
    return this.#inner?.bufferedAmount ?? 0;
  }

  get binaryType(): BinaryType {
    return this.#inner?.binaryType ?? this.#binaryType;
  }

  set binaryType(type: BinaryType) {
    this.#binaryType = type;
    if (this.#inner) this.#inner.binaryType = type;
  }

  addEventListener(name: string, listener: Listener): void {
    const listeners = this.#listeners.get(name) ?? new Set();
    this.#listeners.set(name, listeners.add(listener));
  }

  removeEventListener(name: string, listener: Listener): void {
    this.#listeners.get(name)?.delete(listener);
  }

  send(data: string | ArrayBufferLike | ArrayBufferView | Blob): void {
    if (this.#isOver) return;
    this.#inner?.send(data as string);
    // After the platform has accepted it: it throws before the connection is open.
    this.#record("sent", data);
  }

  close(code?: number, reason?: string): void {
    this.#hasClosed = true;
    this.#inner?.close(code, reason);
  }

  /** The client is told at once that the connection is lost; what is in flight is dropped. */
  interrupt(): void {
    const { code, reason, wasClean } = abnormalClosure;
    if (!this.#end({ code, reason, wasClean, closedBy: "devtools" })) return;
    this.#inner?.close();
    this.#dispatch("error", { type: "error" });
    this.#dispatch("close", abnormalClosure);
  }

  #record(direction: "sent" | "received", data: unknown): void {
    if (typeof data === "string") this.#log.receiveText(direction, data);
    else if (ArrayBuffer.isView(data)) {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      this.#log.receiveBinary(direction, data.byteLength, bytes);
    } else if (data instanceof ArrayBuffer)
      this.#log.receiveBinary(direction, data.byteLength, new Uint8Array(data));
    // The bytes of a blob come later than the frame.
    else if (data instanceof Blob) this.#log.receiveBinary(direction, data.size, new Uint8Array());
  }

  #dispatch(name: EventName, event: object): void {
    (this[`on${name}`] as ((event: object) => void) | null)?.call(this, event);
    for (const listener of [...(this.#listeners.get(name) ?? [])]) {
      if (typeof listener === "function") listener.call(this, event as never);
      else listener.handleEvent(event as never);
    }
  }

  #end(close: Pick<CloseEntry, "code" | "reason" | "wasClean" | "closedBy">): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    this.#log.receiveClose(close);
    this.onend();
    return true;
  }
}
