/**
 * A WebSocket client for Node.js on the engine's client role, with the interface that browsers give (WHATWG WebSockets).
 */
import { request as httpRequest, type IncomingMessage } from "node:http";
import { request as httpsRequest } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { HoldfastError, messageOf } from "../errors.js";
import {
  type ClientHandshake,
  CloseCode,
  type ConnectionOptions,
  checkUpgradeResponse,
  createUpgrade,
  WebSocketConnection,
} from "../websocket/index.js";

/** Fields of the events that a client dispatches; not all are set on all. */
export class WebSocketEvent extends Event {
  readonly data: string | ArrayBuffer | undefined;
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
  /** What went wrong, on `error` events. */
  readonly message: string;

  constructor(
    type: string,
    fields: Partial<Pick<WebSocketEvent, "data" | "code" | "reason" | "wasClean" | "message">>,
  ) {
    super(type);
    this.data = fields.data;
    this.code = fields.code ?? 0;
    this.reason = fields.reason ?? "";
    this.wasClean = fields.wasClean ?? false;
    this.message = fields.message ?? "";
  }
}

type EventHandler = ((event: WebSocketEvent) => void) | null;

const closeTimeoutMs = 5000;
const openTimeoutMs = 10_000;

export class WebSocketClient extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;

  readonly url: string;
  protocol = "";
  readonly extensions = "";
  /** Binary messages always come as ArrayBuffer. */
  binaryType = "arraybuffer";
  onopen: EventHandler = null;
  onmessage: EventHandler = null;
  onerror: EventHandler = null;
  onclose: EventHandler = null;
  #readyState: number = WebSocketClient.CONNECTING;
  #socket: Duplex | undefined;
  #connection: WebSocketConnection;
  #abort: () => void;
  #closeTimer: NodeJS.Timeout | undefined;

  /**
   * @param url ws, wss, http or https
   * @throws HF_WEBSOCKET_ARGUMENT when the address or a subprotocol is not accepted
   */
  constructor(
    url: string | URL,
    protocols: string | readonly string[] = [],
    options: ConnectionOptions = {},
  ) {
    super();
    const address = parseAddress(url);
    this.url = address.href.replace(/^http/, "ws");
    this.#connection = new WebSocketConnection("client", options);
    const handshake = createUpgrade(typeof protocols === "string" ? [protocols] : protocols);
    this.#abort = this.#open(address, handshake);
  }

  get readyState(): number {
    return this.#readyState;
  }

  /** Bytes given to `send` that the operating system has not taken yet. */
  get bufferedAmount(): number {
    return this.#socket?.writableLength ?? 0;
  }

  /** @throws HF_WEBSOCKET_STATE before the connection is open; after it began to close, data is dropped */
  send(data: string | ArrayBuffer | Uint8Array): void {
    if (this.#readyState === WebSocketClient.CONNECTING)
      throw new HoldfastError(
        "HF_WEBSOCKET_STATE",
        "the connection is not open yet: wait for the open event",
      );
    if (this.#readyState !== WebSocketClient.OPEN) return;
    if (typeof data === "string") this.#connection.sendText(data);
    else this.#connection.sendBinary(data instanceof ArrayBuffer ? new Uint8Array(data) : data);
    this.#writeOutput();
  }

  /** Starts the closing handshake. @throws HF_WEBSOCKET_ARGUMENT when code or reason are not accepted */
  close(code?: number, reason?: string): void {
    if (this.#readyState === WebSocketClient.CONNECTING) {
      this.#abort();
      this.#closed("closed before it was open");
      return;
    }
    if (this.#readyState !== WebSocketClient.OPEN) return;
    this.#connection.close(code, reason);
    this.#readyState = WebSocketClient.CLOSING;
    this.#writeOutput();
    this.#limitClosing();
  }

  #open(address: URL, handshake: ClientHandshake): () => void {
    const isSecure = address.protocol === "https:";
    const request = (isSecure ? httpsRequest : httpRequest)(address, {
      headers: handshake.headers,
      agent: false,
    });
    request.setTimeout(openTimeoutMs, () => request.destroy(new Error("the server did not answer in time")));
    request.on("error", (error) => this.#closed(messageOf(error)));
    request.on("response", (response) => {
      response.destroy();
      this.#closed(`the server answered ${response.statusCode} instead of 101`);
    });
    request.on("upgrade", (response, socket, head) => this.#upgraded(handshake, response, socket, head));
    request.end();
    return () => request.destroy();
  }

  #upgraded(handshake: ClientHandshake, response: IncomingMessage, socket: Duplex, head: Buffer): void {
    const result = checkUpgradeResponse(handshake, {
      status: response.statusCode ?? 0,
      rawHeaders: response.rawHeaders,
    });
    if (!result.isAccepted || this.#readyState !== WebSocketClient.CONNECTING) {
      socket.destroy();
      if (!result.isAccepted) this.#closed(result.message);
      return;
    }
    if (socket instanceof Socket) {
      socket.setTimeout(0);
      socket.setNoDelay(true);
    }
    this.#socket = socket;
    this.protocol = result.protocol;
    this.#readyState = WebSocketClient.OPEN;
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("end", () => {
      this.#connection.receiveEnd();
      socket.end();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#connection.receiveEnd();
      this.#closed();
    });
    this.#emit("open", {});
    if (head.length > 0) this.#receive(Buffer.from(head));
  }

  #receive(chunk: Buffer): void {
    for (const event of this.#connection.receive(chunk)) {
      if (event.type === "text") this.#emit("message", { data: event.text });
      else if (event.type === "binary")
        this.#emit("message", { data: new Uint8Array(event.data).buffer as ArrayBuffer });
      else if (event.type === "fault") this.#emit("error", { message: event.reason });
    }
    this.#writeOutput();
    if (this.#connection.state !== "closed") return;
    this.#readyState = WebSocketClient.CLOSING;
    if (this.#connection.isFinished) this.#socket?.end();
    this.#limitClosing();
  }

  #writeOutput(): void {
    const socket = this.#socket;
    if (!socket || socket.writableEnded) return;
    for (const part of this.#connection.takeOutput()) socket.write(part);
  }

  #limitClosing(): void {
    this.#closeTimer ??= setTimeout(() => this.#socket?.destroy(), closeTimeoutMs).unref();
  }

  /** @param fault why the connection never opened */
  #closed(fault?: string): void {
    if (this.#readyState === WebSocketClient.CLOSED) return;
    clearTimeout(this.#closeTimer);
    this.#readyState = WebSocketClient.CLOSED;
    if (fault !== undefined) this.#emit("error", { message: fault });
    const status = this.#connection.closeStatus ?? { code: CloseCode.abnormal, reason: "", wasClean: false };
    this.#emit("close", status);
  }

  #emit(
    type: "open" | "message" | "error" | "close",
    fields: ConstructorParameters<typeof WebSocketEvent>[1],
  ): void {
    const event = new WebSocketEvent(type, fields);
    try {
      this[`on${type}`]?.(event);
    } catch (error) {
      // As in a browser: reported as an uncaught error, and the messages behind this one still come.
      queueMicrotask(() => {
        throw error;
      });
    }
    this.dispatchEvent(event);
  }
}

function parseAddress(url: string | URL): URL {
  let address: URL;
  try {
    address = new URL(url);
  } catch (cause) {
    throw new HoldfastError("HF_WEBSOCKET_ARGUMENT", `${JSON.stringify(String(url))} is not a URL`, {
      cause,
    });
  }
  // The schemes differ in name only; node:http knows its own.
  const schemes: Record<string, string> = {
    "ws:": "http:",
    "wss:": "https:",
    "http:": "http:",
    "https:": "https:",
  };
  const scheme = schemes[address.protocol];
  if (scheme === undefined)
    throw new HoldfastError(
      "HF_WEBSOCKET_ARGUMENT",
      `a WebSocket's URL begins with ws: or wss:, not ${address.protocol}`,
    );
  return new URL(`${scheme}${address.href.slice(address.protocol.length)}`);
}
