/** A socket between two processes that share a store: frames in both directions, those of a turn in one write, bounded. */
import type { Socket } from "node:net";
import { type Frame, FrameReader } from "./frames.js";

export interface FrameSocketOptions {
  readonly socket: Socket;
  /** Runs the callback once, after the events of this turn. */
  readonly schedule: (run: () => void) => void;
  /** Bytes that the peer has not read; beyond them the connection ends. */
  readonly maxUnsentBytes: number;
  readonly onFrame: (frame: Frame) => void;
  /** Called once, when the connection is gone. */
  readonly onClose: () => void;
}

export class FrameSocket {
  readonly #options: FrameSocketOptions;
  readonly #reader = new FrameReader();
  #frames: Buffer[] = [];
  #bytes = 0;
  #isScheduled = false;
  #isClosed = false;

  constructor(options: FrameSocketOptions) {
    this.#options = options;
    const { socket } = options;
    socket.on("data", (chunk) => this.#read(chunk));
    // What comes after an error or the peer's end is the close.
    socket.on("error", () => {});
    socket.on("close", () => this.destroy());
    // A store must not keep its process alive.
    socket.unref();
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Frames of one turn go out together. */
  send(frame: Buffer): void {
    if (this.#isClosed) return;
    this.#frames.push(frame);
    this.#bytes += frame.length;
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#options.schedule(() => {
      this.#isScheduled = false;
      this.#flush();
    });
  }

  /** Keeps the process alive, or no longer. */
  hold(isHeld: boolean): void {
    if (isHeld) this.#options.socket.ref();
    else this.#options.socket.unref();
  }

  /** Sends what waits, and ends the connection. */
  end(): void {
    this.#flush();
    this.#options.socket.end();
  }

  destroy(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#frames = [];
    this.#options.socket.destroy();
    this.#options.onClose();
  }

  #flush(): void {
    if (this.#isClosed || this.#frames.length === 0) return;
    const { socket, maxUnsentBytes } = this.#options;
    const [first] = this.#frames;
    socket.write(this.#frames.length === 1 ? (first as Buffer) : Buffer.concat(this.#frames, this.#bytes));
    this.#frames = [];
    this.#bytes = 0;
    if (socket.writableLength > maxUnsentBytes) this.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.read(chunk)) {
        if (this.#isClosed) return;
        this.#options.onFrame(frame);
      }
    } catch {
      // The peer speaks something else; it connects again, or says that it cannot.
      this.destroy();
    }
  }
}
