/** A transport without a network: keeps what is written, and is full when a test says so. */
import type { Encoding } from "../../../src/channels/batches.js";
import type { ConnectionRequest } from "../../../src/sessions/identity.js";
import type { Transport, TransportEvents } from "../../../src/sessions/transport.js";
import { defaultCodec } from "../../../src/wire/codecs.js";
import type { Disconnect } from "../../../src/wire/codes.js";
import { plainEncoding } from "../../channels/support/fake-reader.js";

export class FakeTransport implements Transport {
  readonly name = "fake";
  readonly encoding: Encoding = plainEncoding;
  readonly codec = defaultCodec;
  /** The frames of each write, as text. */
  readonly writes: string[][] = [];
  readonly closes: Disconnect[] = [];
  /** "pause" and "resume", in their order. */
  readonly reading: string[] = [];
  /** Whether what is written stays unsent. */
  isFull = false;
  unsentBytes = 0;
  isDestroyed = false;
  events: TransportEvents | undefined;
  request: ConnectionRequest = { headers: {}, url: "/connection/websocket", address: "127.0.0.1" };

  takeRequest(): ConnectionRequest {
    return this.request;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.closes.length > 0) throw new Error("written to after close");
    this.writes.push(parts.map((part) => Buffer.from(part).toString()));
    if (this.isFull) for (const part of parts) this.unsentBytes += part.length;
  }

  /** The operating system has taken what was written; it may take no more after that. */
  drain(isFull = false): void {
    this.isFull = isFull;
    this.unsentBytes = 0;
    this.events?.drained();
  }

  pauseReading(): void {
    this.reading.push("pause");
  }

  resumeReading(): void {
    this.reading.push("resume");
  }

  close(reason: Disconnect): void {
    this.closes.push(reason);
    this.events = undefined;
  }

  destroy(): void {
    this.isDestroyed = true;
    this.events = undefined;
  }
}
