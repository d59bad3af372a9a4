/** A peer that keeps to the rules and must notice nothing: each message comes back as it was sent, in order. */
import { WebSocket } from "../../packages/holdfast/src/websocket.js";

export class Witness {
  /** Messages that came back. */
  echoes = 0;
  readonly #socket: WebSocket;
  readonly #random: () => number;
  #isEnding = false;

  constructor(port: number, random: () => number, compression: boolean) {
    this.#random = random;
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/`, {
      compression: compression && { thresholdBytes: 100 },
    });
  }

  /** Runs until `end`. @throws Error when an echo is wrong or the connection ends */
  async run(): Promise<void> {
    const socket = this.#socket;
    await new Promise<void>((resolve, reject) => {
      socket.onopen = () => resolve();
      socket.onerror = ({ message }) => reject(new Error(`a witness: ${message}`));
    });
    const expected = [this.#send()];
    for await (const data of socket) {
      if (data !== expected.shift()) throw new Error("a witness got something else than it sent");
      this.echoes++;
      if (this.#isEnding) {
        if (expected.length === 0) socket.close(1000);
        continue;
      }
      while (expected.length < 4) expected.push(this.#send());
      // Leaves the machine to others, too.
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    if (!this.#isEnding) throw new Error("a witness was disconnected");
  }

  end(): void {
    this.#isEnding = true;
  }

  #send(): string {
    const length = Math.floor(this.#random() ** 4 * 100_000);
    const text = `${this.#random()} ${"lorem ipsum ".repeat(length / 12)}`;
    this.#socket.send(text);
    return text;
  }
}
