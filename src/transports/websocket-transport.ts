/**
 * A session over a WebSocket: moves bytes between a socket and the engine, and events between the engine and the
 * session. Works on any stream of Node.js that carries an upgraded connection, TCP or TLS.
 */
import type { Duplex } from "node:stream";
import type { Encoding } from "../channels/reader.js";
import type { Transport, TransportEvents } from "../sessions/transport.js";
import type { Clock } from "../time/clock.js";
import {
  type ConnectionOptions,
  encodeFrame,
  maxCloseReasonBytes,
  Opcode,
  WebSocketConnection,
} from "../websocket/index.js";
import type { Codec, Payload } from "../wire/codec.js";
import type { Disconnect } from "../wire/codes.js";

export interface WebSocketTransportOptions {
  readonly connection: ConnectionOptions;
  readonly clock: Clock;
  /** How long the peer may take to answer a Close frame, and the system to send what is left, before the socket is cut. */
  readonly closeTimeoutMs: number;
  /** Called once the socket is gone. */
  readonly onGone: (transport: WebSocketTransport) => void;
}

/** Control frames are answered at once; beyond this many unsent bytes nothing more is read. */
const maxUnsentControlBytes = 64 * 1024;
const nothing = Buffer.alloc(0);

/** Payloads as WebSocket messages: text for text, binary for bytes. */
export function createWebSocketEncoding(codec: Codec): Encoding {
  return Object.freeze({
    codec,
    frame: (payload: Payload) =>
      typeof payload === "string"
        ? encodeFrame(Opcode.text, Buffer.from(payload))
        : encodeFrame(Opcode.binary, payload),
  });
}

export class WebSocketTransport implements Transport {
  readonly name = "websocket";
  readonly encoding: Encoding;
  readonly #socket: Duplex;
  readonly #connection: WebSocketConnection;
  readonly #options: WebSocketTransportOptions;
  #events: TransportEvents | undefined;
  #cancelCloseTimer: (() => void) | undefined;
  #waitsForDrain = false;
  #isHeldUpBySession = false;

  /** @param socket upgraded already: the answer to the opening handshake was written */
  constructor(socket: Duplex, encoding: Encoding, options: WebSocketTransportOptions) {
    this.encoding = encoding;
    this.#socket = socket;
    this.#connection = new WebSocketConnection("server", options.connection);
    this.#options = options;
  }

  /** Starts reading. @param head bytes that came with the handshake */
  start(events: TransportEvents, head: Uint8Array): void {
    this.#events = events;
    this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    this.#socket.on("end", () => this.#receiveEnd());
    // Whatever the error, `close` follows.
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => this.#gone());
    if (head.length > 0) this.#receive(Buffer.from(head));
  }

  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#connection.state !== "open") return;
    this.#writeToSocket(parts);
    if (this.#socket.writableLength > 0) this.#watchDrain();
  }

  pauseReading(): void {
    this.#isHeldUpBySession = true;
    this.#updateReading();
  }

  resumeReading(): void {
    this.#isHeldUpBySession = false;
    this.#updateReading();
  }

  close({ code, reason }: Disconnect): void {
    this.#events = undefined;
    this.#connection.close(code, clipReason(reason));
    this.#endAfterOutput();
  }

  /** Ends the connection without another word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    for (const event of this.#connection.receive(chunk)) {
      if (event.type === "text") this.#events?.receive(event.text);
      else if (event.type === "binary") this.#events?.receive(event.data);
    }
    if (this.#connection.state === "closed") this.#endAfterOutput();
    else this.#writeControlOutput();
  }

  #receiveEnd(): void {
    this.#connection.receiveEnd();
    this.#endAfterOutput();
  }

  #writeControlOutput(): void {
    const output = this.#connection.takeOutput();
    if (output.length === 0) return;
    this.#writeToSocket(output);
    if (this.#socket.writableLength === 0) return;
    this.#watchDrain();
    this.#updateReading();
  }

  /** The connection is over, or this side has said so: what is left is sent, and the socket ends within a bound. */
  #endAfterOutput(): void {
    this.#writeToSocket(this.#connection.takeOutput());
    if (this.#connection.isFinished && !this.#socket.writableEnded) this.#socket.end();
    this.#tellClosed();
    // What the peer still sends is read and dropped: closing over unread bytes would reset the connection, and the
    // Close frame could be lost with it.
    this.#socket.resume();
    const { clock, closeTimeoutMs } = this.#options;
    this.#cancelCloseTimer ??= clock.setTimer(() => this.#socket.destroy(), closeTimeoutMs);
  }

  #gone(): void {
    this.#cancelCloseTimer?.();
    this.#connection.receiveEnd();
    this.#tellClosed();
    this.#options.onGone(this);
  }

  #tellClosed(): void {
    const events = this.#events;
    this.#events = undefined;
    events?.closed();
  }

  #writeToSocket(parts: readonly Uint8Array[]): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return;
    if (parts.length === 1) {
      this.#socket.write(parts[0]);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  /** The stream's `drain` event keeps silent below its high-water mark; an empty write behind the rest does not. */
  #watchDrain(): void {
    if (this.#waitsForDrain) return;
    this.#waitsForDrain = true;
    this.#socket.write(nothing, () => {
      this.#waitsForDrain = false;
      if (this.#socket.destroyed) return;
      if (this.#socket.writableLength > 0) this.#watchDrain();
      else {
        this.#updateReading();
        this.#events?.drained();
      }
    });
  }

  #updateReading(): void {
    if (this.#connection.state !== "open") return;
    const isHeldUp = this.#isHeldUpBySession || this.#socket.writableLength > maxUnsentControlBytes;
    if (isHeldUp === this.#socket.isPaused()) return;
    if (isHeldUp) this.#socket.pause();
    else this.#socket.resume();
  }
}

function clipReason(reason: string): string {
  if (Buffer.byteLength(reason) <= maxCloseReasonBytes) return reason;
  let clipped = reason.slice(0, maxCloseReasonBytes - 3);
  while (Buffer.byteLength(clipped) > maxCloseReasonBytes - 3) clipped = clipped.slice(0, -1);
  return `${clipped}…`;
}
