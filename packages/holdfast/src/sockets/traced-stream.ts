/**
 * The bytes of one WebSocket, shown to an observer: a stream around that of the connection, so that connections without one
 * cost nothing. It owns no protocol; what the bytes mean is the observer's to read (RFC 6455 §5.2).
 */
import { Duplex } from "node:stream";
import type { RawHeaders } from "../websocket/handshake-fields.js";

/** The opening handshake of a WebSocket that has been accepted. */
export interface SocketOpening {
  readonly httpVersion: "1.1" | "2.0";
  /** Path and query of the request. */
  readonly url: string;
  /** Name, value, name, value … as received; the credentials of the client are among them. */
  readonly rawHeaders: RawHeaders;
  /** The answer, from the status line to the empty line; undefined over HTTP/2. */
  readonly responseHead: string | undefined;
  /** Ends the connection at once, without a Close frame; clients see code 1006. */
  readonly terminate: () => void;
}

/** Sees the bytes of one connection after its opening handshake. What it throws ends the connection. */
export interface SocketTrace {
  /** From the client, as they came: masked, and cut anywhere. Must be read at once. */
  received(bytes: Uint8Array): void;
  /** To the client, when they are given to the operating system. Must not be changed, nor read later. */
  sent(bytes: Uint8Array): void;
  /** The connection is gone. Called once. */
  closed(): void;
}

/** @returns undefined for connections that nobody looks into */
export type TraceSocket = (opening: SocketOpening) => SocketTrace | undefined;

export class TracedStream extends Duplex {
  readonly #inner: Duplex;
  readonly #trace: SocketTrace;

  constructor(inner: Duplex, trace: SocketTrace) {
    super({ allowHalfOpen: true });
    this.#inner = inner;
    this.#trace = trace;
    inner.pause();
    inner.on("data", (bytes: Buffer) => {
      try {
        trace.received(bytes);
      } catch (error) {
        this.destroy(error as Error);
        return;
      }
      if (!this.push(bytes)) inner.pause();
    });
    inner.on("end", () => this.push(null));
    inner.on("error", (error) => this.destroy(error));
    inner.on("close", () => this.destroy());
  }

  override _read(): void {
    this.#inner.resume();
  }

  override _write(bytes: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    try {
      // An empty write asks when everything before it has been taken.
      if (bytes.length > 0) this.#trace.sent(bytes);
    } catch (error) {
      done(error as Error);
      return;
    }
    this.#inner.write(bytes, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#inner.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#inner.destroy();
    this.#trace.closed();
    done(error);
  }
}
