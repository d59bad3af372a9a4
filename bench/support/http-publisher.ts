/** Publishes with HTTP requests over one connection that stays, several at a time. Each answer is handed over as its status line. */
import { connect, type Socket } from "node:net";
import type { Publisher } from "./protocol.js";

export class HttpPublisher implements Publisher {
  onMessage: ((statusLine: string) => void) | undefined;
  onLost: ((error: Error) => void) | undefined;
  readonly #socket: Socket;
  #received = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay();
    socket.on("data", (chunk) => {
      this.#received += chunk.toString("latin1");
      this.#readAnswers();
    });
    socket.on("error", () => {});
    socket.on("close", () => this.onLost?.(new Error("the publisher's connection was lost")));
  }

  static open(port: number): Promise<HttpPublisher> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new HttpPublisher(socket));
      });
    });
  }

  /** Sends each text, which is a whole request, all in one write. */
  send(...requests: readonly string[]): void {
    this.#socket.write(requests.join(""));
  }

  destroy(): void {
    this.onLost = undefined;
    this.#socket.destroy();
  }

  #readAnswers(): void {
    let at = 0;
    while (true) {
      const end = endOfAnswer(this.#received, at);
      if (end === undefined) break;
      this.onMessage?.(this.#received.slice(at, this.#received.indexOf("\r\n", at)));
      at = end;
    }
    this.#received = this.#received.slice(at);
  }
}

/** @returns where an answer that starts at `at` ends; undefined while it has not come as a whole */
export function endOfAnswer(received: string, at: number): number | undefined {
  const headEnd = received.indexOf("\r\n\r\n", at);
  if (headEnd < 0) return undefined;
  const length = /^content-length: *(\d+)/im.exec(received.slice(at, headEnd))?.[1];
  if (length === undefined)
    throw new Error(`an answer has no length: ${received.slice(at, headEnd).slice(0, 300)}`);
  const end = headEnd + 4 + Number(length);
  return end <= received.length ? end : undefined;
}
