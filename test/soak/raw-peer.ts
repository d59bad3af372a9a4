/** A TCP connection to the server under soak that can say anything, and tells how it ended. */
import { connect, type Socket } from "node:net";
import { buildFrame } from "../conformance/websocket/support/frame-builder.js";

/** How a connection ended for its peer: the code of a Close frame, an HTTP status, or that it was cut. */
export type Ending = string;

export class RawPeer {
  readonly socket: Socket;
  /** Resolves when the connection is gone. */
  readonly ended: Promise<Ending>;
  #received = Buffer.alloc(0);
  #onHead: (() => void) | undefined;
  #isOpen = false;

  constructor(port: number) {
    this.socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    this.socket.on("error", () => {});
    this.socket.on("data", (chunk) => {
      const received = Buffer.concat([this.#received, chunk]);
      // Behind the head, the end is what counts; a peer that is sent much keeps little of it.
      this.#received = this.#isOpen ? received.subarray(-4096) : received;
      if (received.includes("\r\n\r\n")) this.#onHead?.();
    });
    this.socket.on("end", () => this.socket.end());
    this.ended = new Promise((resolve) => this.socket.once("close", () => resolve(this.#ending())));
  }

  /** Does the opening handshake. @returns whether the server agreed */
  async open(path = "/", extensions?: string): Promise<boolean> {
    const head = new Promise<void>((resolve) => {
      this.#onHead = resolve;
    });
    this.socket.write(
      `GET ${path} HTTP/1.1\r\nHost: soak\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n` +
        `${extensions ? `Sec-WebSocket-Extensions: ${extensions}\r\n` : ""}\r\n`,
    );
    await Promise.race([head, this.ended]);
    this.#isOpen = this.#received.includes("HTTP/1.1 101");
    const end = this.#received.indexOf("\r\n\r\n");
    if (this.#isOpen) this.#received = this.#received.subarray(end + 4);
    return this.#isOpen;
  }

  frame(opcode: number, payload: Uint8Array, more: { fin?: boolean; rsv?: number } = {}): void {
    this.socket.write(buildFrame({ opcode, payload, key: [7, 11, 13, 17], ...more }));
  }

  #ending(): Ending {
    const status = /^HTTP\/1\.1 (\d+)/.exec(this.#received.toString("latin1"));
    if (status) return `HTTP ${status[1]}`;
    // A Close frame is the last of all: 0x88, length, code, reason.
    for (let at = this.#received.length - 2; at >= 0 && at > this.#received.length - 128; at--) {
      const length = this.#received[at + 1] as number;
      if (this.#received[at] === 0x88 && length <= 125 && at + 2 + length === this.#received.length)
        return length < 2 ? "1005" : String(this.#received.readUInt16BE(at + 2));
    }
    return "cut";
  }
}
