/** A server's WebSocket: handlers, sending, and iteration over messages. */
import { HoldfastError } from "../errors.js";
import type { CloseStatus } from "../websocket/connection.js";
import { type MessageData, PreparedMessage } from "../websocket/message.js";
import type { AcceptedSocket } from "./acceptor.js";
import { MessageIterator } from "./message-iterator.js";
import { type DriverContext, SocketDriver, type SocketOwner } from "./socket-driver.js";

/** What a server shares among its sockets. */
export interface ServerWebSocketContext extends DriverContext {
  readonly onGone: (socket: ServerWebSocket) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

type Handler<A extends unknown[]> = ((...args: [...A, ServerWebSocket]) => unknown) | undefined;

/**
 * One open connection. Handlers get the socket as their last argument, so that one function can serve all. A handler that
 * throws, or returns a promise that rejects, ends its connection with 1011 and is reported to the server's `onError`.
 */
export class ServerWebSocket implements SocketOwner {
  /** The negotiated subprotocol; empty for none. */
  readonly protocol: string;
  /** The negotiated extensions, as in Sec-WebSocket-Extensions; empty for none. */
  readonly extensions: string;
  /** A message: text, or bytes owned by the handler. */
  onMessage: Handler<[data: MessageData]> = undefined;
  /** Everything sent was handed to the operating system, after some of it had to wait. */
  onDrain: Handler<[]> = undefined;
  /** The connection has closed. Code 1006 if it ended without a Close frame. */
  onClose: Handler<[status: CloseStatus]> = undefined;
  onPong: Handler<[data: Uint8Array]> = undefined;
  /** For the application. */
  data: unknown = undefined;
  readonly #driver: SocketDriver;
  readonly #context: ServerWebSocketContext;
  #messages: MessageIterator | undefined;

  constructor(accepted: AcceptedSocket, context: ServerWebSocketContext) {
    this.protocol = accepted.protocol ?? "";
    this.extensions = accepted.extensions;
    this.#context = context;
    this.#driver = new SocketDriver("server", accepted.stream, accepted.deflate, context, this);
  }

  get isOpen(): boolean {
    return this.#driver.isOpen;
  }

  /** Bytes passed to `send` that the operating system has not taken yet, frame headers included. */
  get bufferedAmount(): number {
    return this.#driver.unsentBytes;
  }

  /** For the server: starts reading. */
  start(head: Uint8Array): void {
    this.#driver.start(head);
  }

  /**
   * Sends a message, in one write with all others of this turn of the event loop. Bytes must not change afterwards.
   * Nothing happens once the connection has begun to close.
   * @param message text, bytes, or a `PreparedMessage` that many sockets share
   */
  send(message: MessageData | PreparedMessage): void {
    if (!this.isOpen) return;
    if (typeof message !== "string" && !(message instanceof Uint8Array || message instanceof PreparedMessage))
      throw new HoldfastError(
        "HF_WEBSOCKET_ARGUMENT",
        `a message is a string, a Uint8Array or a PreparedMessage, not ${message === null ? "null" : typeof message}`,
      );
    this.#driver.send(message);
  }

  /** @param data at most 125 bytes @throws HF_WEBSOCKET_ARGUMENT over that */
  ping(data?: Uint8Array): void {
    this.#driver.ping(data);
  }

  /** Starts the closing handshake. @throws HF_WEBSOCKET_ARGUMENT when the code may not be sent or the reason has more than 123 bytes */
  close(code?: number, reason?: string): void {
    this.#driver.close(code, reason);
  }

  /** Ends the connection at once, without a Close frame. */
  terminate(): void {
    this.#driver.terminate();
  }

  /** Pauses reading, so that TCP slows the peer down; messages already read may still arrive. */
  pause(): void {
    this.#driver.pauseReading();
  }

  resume(): void {
    this.#driver.resumeReading();
  }

  /**
   * Messages in order, instead of `onMessage`. The loop ends when the connection is closed, and throws
   * HF_WEBSOCKET_CLOSED if that was not clean; leaving the loop closes the connection.
   */
  [Symbol.asyncIterator](): MessageIterator {
    this.#messages ??= new MessageIterator(this.#driver);
    return this.#messages;
  }

  receive(data: MessageData): void {
    if (this.#messages) this.#messages.push(data);
    else this.#run("handling a message", this.onMessage, data);
  }

  receivePong(data: Uint8Array): void {
    this.#run("handling a pong", this.onPong, data);
  }

  drained(): void {
    this.#run("handling a drain", this.onDrain);
  }

  ended(): void {}

  closed(status: CloseStatus): void {
    this.#context.onGone(this);
    this.#messages?.finish(status);
    this.#run("handling a close", this.onClose, status);
  }

  #run<A extends unknown[]>(stage: string, handler: Handler<A>, ...args: A): void {
    if (handler === undefined) return;
    try {
      this.follow(stage, handler(...args, this));
    } catch (error) {
      this.#failed(stage, error);
    }
  }

  /** For the server: reports the rejection of a handler that returned a promise. */
  follow(stage: string, result: unknown): void {
    if (result instanceof Promise) result.catch((error: unknown) => this.#failed(stage, error));
  }

  #failed(stage: string, error: unknown): void {
    // A loop that throws because its connection broke is not a failure of the handler around it.
    const isClosed = error instanceof HoldfastError && error.code === "HF_WEBSOCKET_CLOSED" && !this.isOpen;
    if (!isClosed) this.#context.onError(error, { stage });
    if (this.isOpen) this.#driver.fail(1011, "internal error");
  }
}

/** Sends one message to many sockets, framed once, and compressed once for all with the same window. */
export function broadcast(sockets: Iterable<ServerWebSocket>, message: MessageData | PreparedMessage): void {
  const prepared = message instanceof PreparedMessage ? message : new PreparedMessage(message);
  for (const socket of sockets) socket.send(prepared);
}
