/**
 * Publishes at a steady rate, into one channel after the other, over one connection. What was not acknowledged when that is
 * lost may be in the log or not; it is not published again, so that nothing can be there twice.
 */
import type { Ledger } from "./continuity.js";
import { holdfastProtocol } from "./holdfast-protocol.js";
import { markedPayload } from "./payload.js";
import { RawClient } from "./raw-client.js";
import { sourceOf } from "./source-address.js";

export interface SteadyPublisherOptions {
  readonly port: number;
  readonly channels: readonly string[];
  /** One for each channel. */
  readonly ledgers: readonly Ledger[];
  readonly perSecond: number;
  readonly bytes: number;
}

const tickMs = 5;
const idsUsed = 2;

export class SteadyPublisher {
  onLost: (() => void) | undefined;
  published = 0;
  acknowledged = 0;
  readonly #options: SteadyPublisherOptions;
  #client: RawClient | undefined;
  #generation = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Sequence numbers that wait for an acknowledgement. */
  readonly #waiting = new Set<number>();

  constructor(options: SteadyPublisherOptions) {
    this.#options = options;
  }

  get outstanding(): number {
    return this.#waiting.size;
  }

  /** Connects and begins, or goes on with the next sequence number. */
  async connect(): Promise<void> {
    const source = sourceOf(0, this.#generation);
    const client = await RawClient.open({ port: this.#options.port, protocol: holdfastProtocol, ...source });
    await holdfastProtocol.signOn(client);
    this.#client = client;
    this.#generation++;
    this.#waiting.clear();
    client.onMessage = (message) => this.#receive(message);
    client.onLost = () => {
      clearInterval(this.#timer);
      this.onLost?.();
    };
    this.#start(client);
  }

  /** Publishes nothing more; acknowledgements may still come. */
  stop(): void {
    clearInterval(this.#timer);
  }

  destroy(): void {
    this.stop();
    this.#client?.destroy();
  }

  #start(client: RawClient): void {
    const { perSecond } = this.#options;
    const start = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - start) / 1000) * perSecond) - sent;
      if (due <= 0) return;
      sent += due;
      client.send(...Array.from({ length: due }, () => this.#next()));
    }, tickMs);
  }

  #next(): string {
    const { channels, bytes } = this.#options;
    const sequence = ++this.published;
    this.#waiting.add(sequence);
    const channel = channels[sequence % channels.length] as string;
    return holdfastProtocol.publish(channel, markedPayload.create(sequence, bytes), sequence);
  }

  #receive(message: string): void {
    const { ledgers } = this.#options;
    // Throws on errors, and with that ends the benchmark.
    if (holdfastProtocol.acknowledgementsIn(message) === 0) return;
    for (const [, id] of message.matchAll(/"id":(\d+)/g)) {
      const sequence = Number(id) - idsUsed;
      if (!this.#waiting.delete(sequence)) throw new Error(`acknowledged twice, or never published: ${id}`);
      this.acknowledged++;
      ledgers[sequence % ledgers.length]?.acknowledge(sequence);
    }
  }
}
