/**
 * One publisher and the subscribers of one channel, in a closed loop: a window of publications goes out at once, and the
 * next one when every subscriber has got all of it. Every delivery is counted; some subscribers read everything, to
 * check order and content. Any loss, duplicate or lost connection fails the run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Contender } from "./contenders.js";
import type { Counted } from "./frame-reader.js";
import { inParallel } from "./in-parallel.js";
import { markedPayload, type PayloadFormat } from "./payload.js";
import { RawClient } from "./raw-client.js";
import { stallTimeoutMs, watchForStall } from "./stall-watch.js";

export interface FanOutOptions {
  readonly contender: Contender;
  readonly port: number;
  readonly subscribers: number;
  /** Bytes of each payload. */
  readonly bytes: number;
  /** What is published. @default one that has a marker */
  readonly payload?: PayloadFormat;
  /**
   * What a delivery is to those who count only. Frames cost the load generator less, where each message has one of its
   * own and nothing but publications comes.
   * @default "markers"
   */
  readonly counted?: Counted;
}

export interface Published {
  readonly deliveries: number;
  readonly seconds: number;
}

const channel = "bench";
/** Subscribers that check everything they get, instead of counting only. */
const inspectors = 5;
/** How long deliveries too many may take to come. */
const surplusWaitMs = 100;

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #payload: PayloadFormat;
  readonly #publisher: RawClient;
  readonly #subscribers: readonly RawClient[];
  #published = 0;
  #acknowledged = 0;
  #received = 0;
  #failure: Error | undefined;
  #onWindowEnd: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(options: FanOutOptions, publisher: RawClient, subscribers: readonly RawClient[]) {
    this.#options = options;
    this.#payload = options.payload ?? markedPayload;
    this.#publisher = publisher;
    this.#subscribers = subscribers;
    publisher.onLost = (error) => this.#fail(error);
    publisher.onMessage = this.#orFail((message) => this.#countAcknowledgements(message));
    for (const [i, subscriber] of subscribers.entries()) {
      subscriber.onLost = (error) => this.#fail(error);
      if (i < inspectors) this.#inspect(subscriber, i);
      else {
        subscriber.onDeliveries = (count) => this.#countDeliveries(count);
        subscriber.startCounting(options.counted ?? "markers");
      }
    }
  }

  /** Connects everybody; resolves when all are subscribed. */
  static async open(options: FanOutOptions): Promise<FanOut> {
    const { port, subscribers: count } = options;
    const { protocol } = options.contender;
    const publisher = await RawClient.open({ port, protocol });
    await protocol.signOn(publisher);
    const subscribers = await inParallel(count, async () => {
      const subscriber = await RawClient.open({ port, protocol });
      await protocol.subscribe(subscriber, channel);
      return subscriber;
    });
    return new FanOut(options, publisher, subscribers);
  }

  /** Publishes window after window; the last one begins before the time is over, and is waited for. */
  async publishFor(seconds: number, window: number): Promise<Published> {
    const publishedBefore = this.#published;
    const watchdog = watchForStall(
      () => this.#received,
      () => this.#fail(new Error(this.#describeStall())),
    );
    const start = performance.now();
    let now = start;
    try {
      while (now - start < seconds * 1000) {
        await this.#publishWindow(window);
        now = performance.now();
      }
    } finally {
      clearInterval(watchdog);
    }
    const deliveries = (this.#published - publishedBefore) * this.#options.subscribers;
    return { deliveries, seconds: (now - start) / 1000 };
  }

  /** @throws Error unless every subscriber has got everything since the beginning exactly once */
  async verify(): Promise<void> {
    await sleep(surplusWaitMs);
    if (this.#failure) throw this.#failure;
    const wrong = this.#subscribers.findIndex(({ received }) => received !== this.#published);
    if (wrong >= 0)
      throw new Error(
        `subscriber ${wrong} got ${this.#subscribers[wrong]?.received} of ${this.#published} publications`,
      );
  }

  close(): void {
    for (const client of [this.#publisher, ...this.#subscribers]) client.destroy();
  }

  #publishWindow(window: number): Promise<void> {
    const { contender, bytes } = this.#options;
    const messages: string[] = [];
    for (let i = 0; i < window; i++) {
      const sequence = ++this.#published;
      messages.push(contender.protocol.publish(channel, this.#payload.create(sequence, bytes), sequence));
    }
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      this.#onWindowEnd = { resolve, reject };
      this.#publisher.send(...messages);
    });
  }

  #inspect(subscriber: RawClient, index: number): void {
    let lastOffset: number | undefined;
    subscriber.onMessage = this.#orFail((message) => {
      const sequences = this.#payload.sequencesIn(message, this.#options.bytes);
      for (const sequence of sequences)
        if (sequence !== ++subscriber.received)
          throw new Error(`subscriber ${index} got ${sequence} in place of ${subscriber.received}`);
      for (const offset of this.#options.contender.protocol.offsetsIn(message) ?? []) {
        if (lastOffset !== undefined && offset !== lastOffset + 1)
          throw new Error(`subscriber ${index} got offset ${offset} after ${lastOffset}`);
        lastOffset = offset;
      }
      this.#countDeliveries(sequences.length);
    });
  }

  #countAcknowledgements(message: string): void {
    this.#acknowledged += this.#options.contender.protocol.acknowledgementsIn(message);
    this.#endWindowWhenComplete();
  }

  #countDeliveries(count: number): void {
    this.#received += count;
    this.#endWindowWhenComplete();
  }

  #endWindowWhenComplete(): void {
    const { contender, subscribers } = this.#options;
    if (this.#received < this.#published * subscribers) return;
    if (contender.protocol.hasAcknowledgements && this.#acknowledged < this.#published) return;
    if (this.#received > this.#published * subscribers) this.#fail(new Error("more came than was published"));
    this.#onWindowEnd?.resolve();
  }

  #describeStall(): string {
    const { contender, subscribers } = this.#options;
    const deliveries = `${this.#received} of ${this.#published * subscribers} deliveries`;
    const acknowledgements = `, ${this.#acknowledged} of ${this.#published} acknowledgements`;
    return (
      `nothing has come for ${stallTimeoutMs / 1000} s: ${deliveries}` +
      (contender.protocol.hasAcknowledgements ? acknowledgements : "")
    );
  }

  #orFail(receive: (message: string) => void): (message: string) => void {
    return (message) => {
      try {
        receive(message);
      } catch (error) {
        this.#fail(error as Error);
      }
    };
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#onWindowEnd?.reject(this.#failure);
  }
}
