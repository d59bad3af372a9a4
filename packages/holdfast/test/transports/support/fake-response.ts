/** A response without a network: keeps what is written, and takes it when a test says so. */
import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";

export class FakeResponse extends EventEmitter {
  readonly chunks: string[] = [];
  status: number | undefined;
  headers: Record<string, unknown> = {};
  headersSent = false;
  hasEnded = false;
  destroyed = false;
  closed = false;
  socket = null;
  writableLength = 0;
  /** Whether what is written stays unsent. */
  isFull = false;
  #callbacks: (() => void)[] = [];

  static create(): FakeResponse & ServerResponse {
    return new FakeResponse() as FakeResponse & ServerResponse;
  }

  get text(): string {
    return this.chunks.join("");
  }

  writeHead(status: number, headers: Record<string, unknown>): this {
    this.status = status;
    this.headers = headers;
    this.headersSent = true;
    return this;
  }

  flushHeaders(): void {}

  write(chunk: Uint8Array, taken: () => void): boolean {
    if (this.hasEnded || this.destroyed) throw new Error("written to after its end");
    this.chunks.push(Buffer.from(chunk).toString());
    if (this.isFull) {
      this.writableLength += chunk.length;
      this.#callbacks.push(taken);
    } else queueMicrotask(taken);
    return !this.isFull;
  }

  end(body?: string): this {
    if (body !== undefined) this.chunks.push(body);
    this.hasEnded = true;
    return this;
  }

  /** The operating system has taken all that was given to it; it may take no more after that. */
  take(isFull = false): void {
    this.isFull = isFull;
    this.writableLength = 0;
    for (const taken of this.#callbacks.splice(0)) taken();
  }

  /** The connection is over, by whichever side. */
  destroy(): this {
    if (this.closed) return this;
    this.destroyed = true;
    this.closed = true;
    this.emit("close");
    return this;
  }
}
