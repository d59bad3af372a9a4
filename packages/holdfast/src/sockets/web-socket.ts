/**
 * A WebSocket client for Node.js with the interface that browsers give (WHATWG WebSockets), and what they lack:
 * backpressure in both directions, async iteration, pings, compression settings, HTTP/2.
 */
import type { ClientHttp2Session } from "node:http2";
import type { RequestOptions } from "node:https";
import { refuseUnknownOptions } from "../errors.js";
import { pickOptions, resolveOptions } from "../options/option.js";
import {
  resolveDeflate,
  resolveSocketOptions,
  socketOptionNames,
  webSocketClientEntries,
} from "../options/websocket.js";
import type { DeflateOptions, SocketOptions, WebSocketClientLimits } from "../options/websocket-options.js";
import { Deadlines } from "../time/deadlines.js";
import type { CloseStatus } from "../websocket/connection.js";
import { maxCloseReasonBytes } from "../websocket/frame.js";
import { createWebSocketKey } from "../websocket/handshake-fields.js";
import type { MessageData } from "../websocket/message.js";
import { createUpgrade } from "../websocket/opening-handshake.js";
import {
  type ConnectEvents,
  connectOverHttp1,
  connectOverHttp2,
  parseAddress,
  parseProtocols,
  syntaxError,
} from "./client-connect.js";
import { MessageIterator } from "./message-iterator.js";
import { Flusher } from "./output.js";
import { type DriverContext, SocketDriver, type SocketOwner } from "./socket-driver.js";
import { systemClock } from "./system-clock.js";

export type WebSocketData = string | ArrayBuffer | ArrayBufferView | Blob;

export interface WebSocketOptions extends SocketOptions, WebSocketClientLimits {
  /** Subprotocols, when options take their place as argument. */
  readonly protocols?: string | readonly string[];
  /** Sent with the opening handshake: Authorization, Cookie, Origin. */
  readonly headers?: Readonly<Record<string, string>>;
  /** permessage-deflate (RFC 7692) is offered; `true` for the defaults. @default false */
  readonly compression?: boolean | DeflateOptions;
  /** Options of node:tls for wss: addresses: `ca`, `cert`, `key`, `rejectUnauthorized` … */
  readonly tls?: RequestOptions;
  /** Opens the WebSocket on this HTTP/2 connection to the address's host (RFC 8441). @default HTTP/1.1 */
  readonly http2Session?: ClientHttp2Session;
}

type EventHandler<E extends Event> = ((event: E) => void) | null;

/** Options of sockets are added to these. */
export const clientOptionNames: readonly string[] = [
  "protocols",
  "headers",
  "compression",
  ...Object.keys(webSocketClientEntries),
  "tls",
  "http2Session",
];

const emptyBytes = new Uint8Array(0);

// All clients share one timer and one flusher.
const shared = {
  clock: systemClock,
  flusher: new Flusher(),
  deadlines: new Deadlines(systemClock, (error) => queueMicrotask(() => rethrow(error))),
};

/** A client's WebSocket, with the interface of browsers. */
export class WebSocket extends EventTarget implements SocketOwner {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;

  readonly url: string;
  /** How binary messages are delivered: as a Blob or an ArrayBuffer. */
  binaryType: "blob" | "arraybuffer" = "blob";
  onopen: EventHandler<Event> = null;
  onmessage: EventHandler<MessageEvent> = null;
  onerror: EventHandler<ErrorEvent> = null;
  onclose: EventHandler<CloseEvent> = null;
  /** Everything sent was handed to the operating system, after some of it had to wait. Not in browsers. */
  ondrain: EventHandler<Event> = null;
  readonly #origin: string;
  readonly #context: DriverContext;
  readonly #queue: OutgoingQueue;
  #readyState = 0;
  #protocol = "";
  #extensions = "";
  #driver: SocketDriver | undefined;
  #abort: (() => void) | undefined;
  #messages: MessageIterator | undefined;
  #isPaused = false;

  /**
   * @param url ws, wss, http or https
   * @param protocols subprotocols in order of preference, or options
   * @throws DOMException SyntaxError if the URL or a subprotocol is invalid
   * @throws HF_OPTION_INVALID if an option is invalid
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] | WebSocketOptions = [],
    options: WebSocketOptions = {},
  ) {
    super();
    const given =
      typeof protocols === "string" || Array.isArray(protocols)
        ? { ...options, protocols: protocols as string | readonly string[] }
        : { ...(protocols as WebSocketOptions), ...options };
    refuseUnknownOptions(given, [...clientOptionNames, ...socketOptionNames]);
    const { compression, headers = {}, tls, http2Session } = given;
    const { handshakeTimeoutMs: timeoutMs } = resolveOptions(
      webSocketClientEntries,
      pickOptions(webSocketClientEntries, given),
    );
    const address = parseAddress(url);
    this.url = address.href.replace(/^http/, "ws");
    this.#origin = new URL(this.url).origin;
    this.#context = { ...shared, settings: resolveSocketOptions({ holdReadingAboveBytes: null, ...given }) };
    this.#queue = new OutgoingQueue((message) => {
      if (this.#driver?.isOpen) this.#driver.send(message);
    });
    const deflate = compression ? resolveDeflate(compression === true ? {} : compression) : undefined;
    const handshake = createUpgrade(parseProtocols(given.protocols ?? []), createWebSocketKey(), deflate);
    const request = { handshake, timeoutMs, headers, tls };
    const events: ConnectEvents = {
      opened: (stream, head, { protocol, extensions, deflate: agreed }) => {
        this.#abort = undefined;
        this.#protocol = protocol;
        this.#extensions = extensions;
        const driver = new SocketDriver("client", stream, agreed, this.#context, this);
        this.#driver = driver;
        this.#readyState = WebSocket.OPEN;
        if (head.length > 0) stream.unshift(head);
        driver.pauseReading();
        driver.start(emptyBytes);
        this.#emit("open", new Event("open"));
        // As in a browser, messages come in later tasks: who waits for the event goes on before them.
        setImmediate(() => {
          if (!this.#isPaused) driver.resumeReading();
        });
      },
      failed: (message) => this.#fail(message),
    };
    this.#abort = http2Session
      ? connectOverHttp2(http2Session, address, request, events)
      : connectOverHttp1(address, request, events);
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** The negotiated subprotocol; empty for none. */
  get protocol(): string {
    return this.#protocol;
  }

  /** The negotiated extensions, as in Sec-WebSocket-Extensions; empty for none. */
  get extensions(): string {
    return this.#extensions;
  }

  /** Bytes passed to `send` that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#queue.bufferedAmount(this.#driver?.unsentBytes ?? 0);
  }

  /**
   * Sends a message; once the connection has begun to close it is dropped. Memory given must not change until it is sent.
   * @throws DOMException InvalidStateError before the connection is open
   */
  send(data: WebSocketData): void {
    if (this.#readyState === WebSocket.CONNECTING)
      throw new DOMException("the connection is not open yet: wait for the open event", "InvalidStateError");
    const message = toMessage(data);
    if (this.#readyState === WebSocket.OPEN) this.#queue.send(message);
    else this.#queue.drop(message);
  }

  /**
   * Starts the closing handshake, after everything that was sent.
   * @param code 1000, or from 3000 to 4999
   * @param reason at most 123 bytes of UTF-8
   * @throws DOMException InvalidAccessError on another code, SyntaxError on a longer reason
   */
  close(code?: number, reason?: string): void {
    assertCloseArguments(code, reason);
    if (this.#readyState === WebSocket.CONNECTING) {
      this.#readyState = WebSocket.CLOSING;
      // As in a browser: the events come after this call has returned.
      queueMicrotask(() => {
        this.#abort?.();
        this.#fail("closed before the connection was established");
      });
      return;
    }
    if (this.#readyState !== WebSocket.OPEN) return;
    this.#readyState = WebSocket.CLOSING;
    // RFC 6455 §7.1.2 leaves code 1005 to what carries none.
    this.#queue.after(() => this.#driver?.close(code ?? (reason ? 1000 : undefined), reason));
  }

  /** Sends a ping, which the peer answers by itself. Not in browsers. @param data at most 125 bytes */
  ping(data?: Uint8Array): void {
    if (this.#readyState === WebSocket.OPEN) this.#driver?.ping(data);
  }

  /** Ends the connection at once, without a Close frame. Not in browsers. */
  terminate(): void {
    if (this.#readyState === WebSocket.CONNECTING) this.close();
    else this.#driver?.terminate();
  }

  /** Pauses reading, so that TCP slows the peer down; messages already read may still arrive. Not in browsers. */
  pause(): void {
    this.#isPaused = true;
    this.#driver?.pauseReading();
  }

  resume(): void {
    this.#isPaused = false;
    this.#driver?.resumeReading();
  }

  /**
   * Messages in order, instead of message events: text, and bytes as Uint8Array. The loop ends when the connection is
   * closed, and throws HF_WEBSOCKET_CLOSED if that was not clean; leaving the loop closes the connection.
   */
  [Symbol.asyncIterator](): MessageIterator {
    this.#messages ??= new MessageIterator({
      holdReading: (isHeld) => this.#driver?.holdReading(isHeld),
      close: () => this.close(),
    });
    return this.#messages;
  }

  receive(data: MessageData): void {
    if (this.#readyState !== WebSocket.OPEN) return;
    if (this.#messages) this.#messages.push(data);
    else
      this.#emit("message", new MessageEvent("message", { data: this.#present(data), origin: this.#origin }));
  }

  drained(): void {
    this.#emit("drain", new Event("drain"));
  }

  ended(fault: string | undefined): void {
    if (this.#readyState === WebSocket.CLOSED) return;
    this.#readyState = WebSocket.CLOSING;
    if (fault !== undefined) this.#emit("error", new ErrorEvent("error", { message: fault }));
  }

  closed(status: CloseStatus): void {
    if (this.#readyState === WebSocket.CLOSED) return;
    this.#readyState = WebSocket.CLOSED;
    this.#messages?.finish(status);
    this.#emit("close", new CloseEvent("close", status));
  }

  #fail(message: string): void {
    if (this.#readyState === WebSocket.CLOSED) return;
    this.#readyState = WebSocket.CLOSED;
    this.#messages?.finish({ code: 1006, reason: message, wasClean: false });
    this.#emit("error", new ErrorEvent("error", { message }));
    this.#emit("close", new CloseEvent("close", { code: 1006 }));
  }

  #present(data: MessageData): string | ArrayBuffer | Blob {
    if (typeof data === "string") return data;
    return this.binaryType === "blob"
      ? new Blob([data as Uint8Array<ArrayBuffer>])
      : (new Uint8Array(data).buffer as ArrayBuffer);
  }

  #emit(type: "open" | "message" | "error" | "close" | "drain", event: Event): void {
    try {
      (this[`on${type}`] as EventHandler<Event>)?.call(this, event);
    } catch (error) {
      // As in a browser: reported as an uncaught error, and the messages behind this one still come.
      queueMicrotask(() => rethrow(error));
    }
    this.dispatchEvent(event);
  }
}

function rethrow(error: unknown): never {
  throw error;
}

/** @throws DOMException InvalidAccessError or SyntaxError */
function assertCloseArguments(code: number | undefined, reason: string | undefined): void {
  if (code !== undefined && code !== 1000 && !(Number.isInteger(code) && code >= 3000 && code <= 4999))
    throw new DOMException(
      `a close code must be 1000, or from 3000 to 4999, not ${code}`,
      "InvalidAccessError",
    );
  const bytes = Buffer.byteLength(reason ?? "");
  if (bytes > maxCloseReasonBytes)
    throw syntaxError(`a close reason may have at most ${maxCloseReasonBytes} bytes of UTF-8, not ${bytes}`);
}

/** Ill-formed text is repaired, as in the standard's USVString. */
function toMessage(data: WebSocketData): MessageData | Blob {
  if (data instanceof Blob || data instanceof Uint8Array) return data;
  if (data instanceof ArrayBuffer) return new Uint8Array(data);
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return String(data);
}

/**
 * What a client sends, in order: the bytes of a Blob have to be waited for, and what is sent after it waits with them.
 * Counts the payload bytes that have not gone out, as the standard's `bufferedAmount` has it.
 */
class OutgoingQueue {
  readonly #write: (message: MessageData) => void;
  /** The last step that waits for a Blob; undefined when none does. */
  #waiting: Promise<void> | undefined;
  #waitingBytes = 0;
  /** Payload bytes written since everything had gone out. */
  #writtenBytes = 0;
  #droppedBytes = 0;

  constructor(write: (message: MessageData) => void) {
    this.#write = write;
  }

  send(message: MessageData | Blob): void {
    if (this.#waiting === undefined && !(message instanceof Blob)) {
      this.#writtenBytes += sizeOf(message);
      this.#write(message);
      return;
    }
    const size = sizeOf(message);
    this.#waitingBytes += size;
    this.after(async () => {
      const data = message instanceof Blob ? new Uint8Array(await message.arrayBuffer()) : message;
      this.#waitingBytes -= size;
      this.#writtenBytes += size;
      this.#write(data);
    });
  }

  /** Counts what is sent too late, which the standard has in `bufferedAmount` for good. */
  drop(message: MessageData | Blob): void {
    this.#droppedBytes += sizeOf(message);
  }

  /** Runs at once, or behind what waits. */
  after(run: () => void | Promise<void>): void {
    if (this.#waiting === undefined) {
      const result = run();
      if (!(result instanceof Promise)) return;
      this.#follow(result);
    } else this.#follow(this.#waiting.then(run));
  }

  /** @param unsentBytes of the socket, frame headers included */
  bufferedAmount(unsentBytes: number): number {
    if (unsentBytes === 0) this.#writtenBytes = 0;
    return this.#waitingBytes + Math.min(this.#writtenBytes, unsentBytes) + this.#droppedBytes;
  }

  #follow(step: Promise<void>): void {
    const waiting = step
      .catch(() => {})
      .then(() => {
        if (this.#waiting === waiting) this.#waiting = undefined;
      });
    this.#waiting = waiting;
  }
}

function sizeOf(message: MessageData | Blob): number {
  if (typeof message === "string") return Buffer.byteLength(message);
  return message instanceof Blob ? message.size : message.byteLength;
}

/** The connection is over (WHATWG WebSockets §6). */
export class CloseEvent extends Event {
  /** 1005 when the peer gave none, 1006 when there was no Close frame. */
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;

  constructor(type: string, fields: { code?: number; reason?: string; wasClean?: boolean } = {}) {
    super(type);
    this.code = fields.code ?? 0;
    this.reason = fields.reason ?? "";
    this.wasClean = fields.wasClean ?? false;
  }
}

/** Something went wrong; unlike in a browser, the event has a message. A close event follows. */
export class ErrorEvent extends Event {
  readonly message: string;

  constructor(type: string, fields: { message?: string } = {}) {
    super(type);
    this.message = fields.message ?? "";
  }
}
