/**
 * Publishers and the subscribers of one or more channels, in a closed loop: a window of publications goes out at once,
 * into one channel after the other, and the next one when every subscriber has got all of it. Every delivery is counted;
 * some subscribers read everything, to check order and content. Any loss, duplicate or lost connection fails the run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { LatencyHistogram } from "@holdfast/lab/load";
import { inParallel } from "@holdfast/lab/load";
import type { Counted } from "@holdfast/lab/node";
import type { Contender } from "./contenders.js";
import { FirstFailure, stallTimeoutMs, watchForStall } from "./load.js";
import { bytesPayload, markedPayload, type PayloadFormat } from "./payload.js";
import type { Publisher } from "./protocols.js";
import type { RawClient } from "./raw-client.js";
import { assertPing, openPublisher, openSubscriber } from "./subscribers.js";

export interface FanOutOptions {
  readonly contender: Contender;
  readonly port: number;
  /** Of the node where publishers are. @default `port` */
  readonly publishersPort?: number | undefined;
  /** A multiple of the channels. */
  readonly subscribers: number;
  /** Channels they spread over, one each. @default 1 */
  readonly channels?: number;
  /** Connections that publish, each into channels of its own. @default 1 */
  readonly publishers?: number;
  /** Bytes of each payload. */
  readonly bytes: number;
  /** What is published. @default one that has a marker */
  readonly payload?: PayloadFormat;
  /**
   * Whether every subscriber reads each message, as those of bytes have to: numbers in bytes may look like the marker. For loads that
   * are compared, since a slower one has the server write less at a time. @default for messages of bytes
   */
  readonly readsAll?: boolean | undefined;
  /**
   * What a delivery is to those who count only. Frames cost the load generator less, where each message has one of its
   * own and nothing but publications comes.
   * @default "markers"
   */
  readonly counted?: Counted;
}

export interface Published {
  readonly published: number;
  readonly deliveries: number;
  readonly seconds: number;
  /** Received by subscribers, over all deliveries. */
  readonly bytesPerDelivery: number;
}

/** Deliveries that a window of one publication stands for where there are several channels: as many as with one. */
const deliveriesPerWindow = 1000;
/** Subscribers that check everything they get, instead of counting only. */
const inspectors = 5;
/** How long deliveries too many may take to come. */
const surplusWaitMs = 100;

export class FanOut {
  readonly #options: FanOutOptions;
  readonly #payload: PayloadFormat;
  readonly #publishers: readonly Publisher[];
  readonly #subscribers: readonly RawClient[];
  readonly #channels: readonly string[];
  readonly #subscribersEach: number;
  #latencies: LatencyHistogram | undefined;
  #windowStart = 0;
  #published = 0;
  #acknowledged = 0;
  #received = 0;
  readonly #failure = new FirstFailure();
  #onWindowEnd: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(
    options: FanOutOptions,
    publishers: readonly Publisher[],
    subscribers: readonly RawClient[],
  ) {
    this.#options = options;
    this.#channels = channelsOf(options);
    this.#subscribersEach = options.subscribers / this.#channels.length;
    const readsAll = options.readsAll ?? options.contender.protocol.isBinary === true;
    this.#payload = options.payload ?? (readsAll ? bytesPayload : markedPayload);
    this.#failure.onFail = (error) => this.#onWindowEnd?.reject(error);
    this.#publishers = publishers;
    this.#subscribers = subscribers;
    for (const publisher of publishers) {
      publisher.onLost = this.#failure.fail;
      publisher.onMessage = this.#failure.guard((message) => this.#countAcknowledgements(message));
    }
    for (const [i, subscriber] of subscribers.entries()) {
      subscriber.onLost = this.#failure.fail;
      if (i < inspectors || readsAll) this.#inspect(subscriber, i);
      else {
        subscriber.onDeliveries = (count) => this.#countDeliveries(count);
        subscriber.onMessage = this.#failure.guard((message) => assertPing(subscriber.protocol, message));
        subscriber.startCounting(options.counted ?? "markers");
      }
    }
  }

  /** Connects everybody; resolves when all are subscribed. */
  static async open(options: FanOutOptions): Promise<FanOut> {
    const { port, publishersPort = port, subscribers: count } = options;
    const { protocol } = options.contender;
    const channels = channelsOf(options);
    const publishers = await inParallel(Math.min(options.publishers ?? 1, channels.length), () =>
      openPublisher(publishersPort, protocol),
    );
    const subscribers = await inParallel(count, (i) =>
      openSubscriber(port, protocol, channels[i % channels.length] as string, i),
    );
    return new FanOut(options, publishers, subscribers);
  }

  /**
   * Publishes window after window; the last one begins before the time is over, and is waited for.
   * @param latencies where that of each delivery is recorded, from when its window goes out
   */
  async publishFor(seconds: number, window: number, latencies?: LatencyHistogram): Promise<Published> {
    const publishedBefore = this.#published;
    const bytesBefore = this.#receivedBytes;
    this.#latencies = latencies;
    const watchdog = watchForStall(
      () => this.#received,
      () => this.#failure.fail(new Error(this.#describeStall())),
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
    const published = this.#published - publishedBefore;
    const deliveries = published * this.#subscribersEach;
    const bytesPerDelivery = (this.#receivedBytes - bytesBefore) / deliveries;
    return { published, deliveries, seconds: (now - start) / 1000, bytesPerDelivery };
  }

  /** @throws Error unless every subscriber has got everything since the beginning exactly once */
  async verify(): Promise<void> {
    await sleep(surplusWaitMs);
    if (this.#failure.error) throw this.#failure.error;
    const wrong = this.#subscribers.findIndex(({ received }, i) => received !== this.#publishedInto(i));
    if (wrong >= 0) {
      const { received } = this.#subscribers[wrong] as RawClient;
      throw new Error(`subscriber ${wrong} got ${received} of ${this.#publishedInto(wrong)} publications`);
    }
  }

  close(): void {
    for (const client of [...this.#publishers, ...this.#subscribers]) client.destroy();
  }

  get #receivedBytes(): number {
    return this.#subscribers.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  }

  /** Publications so far into the channel of the subscriber. */
  #publishedInto(index: number): number {
    const channels = this.#channels.length;
    return Math.ceil(Math.max(0, this.#published - (index % channels)) / channels);
  }

  #publishWindow(window: number): Promise<void> {
    const { contender, bytes } = this.#options;
    const messages = this.#publishers.map((): string[] => []);
    const count =
      this.#channels.length === 1
        ? window
        : window * Math.max(1, Math.ceil(deliveriesPerWindow / this.#subscribersEach));
    for (let i = 0; i < count; i++) {
      const at = this.#published % this.#channels.length;
      const sequence = ++this.#published;
      const payload = this.#payload.create(sequence, bytes);
      const message = contender.protocol.publish(this.#channels[at] as string, payload, sequence);
      messages[at % messages.length]?.push(message);
    }
    return new Promise((resolve, reject) => {
      if (this.#failure.error) reject(this.#failure.error);
      this.#onWindowEnd = { resolve, reject };
      this.#windowStart = performance.now();
      for (const [i, publisher] of this.#publishers.entries()) publisher.send(...(messages[i] ?? []));
    });
  }

  #inspect(subscriber: RawClient, index: number): void {
    let lastOffset: number | undefined;
    subscriber.onMessage = this.#failure.guard((message) => {
      const sequences = this.#payload.sequencesIn(message, this.#options.bytes);
      if (sequences.length === 0) assertPing(subscriber.protocol, message);
      for (const sequence of sequences) {
        const expected = subscriber.received++ * this.#channels.length + 1 + (index % this.#channels.length);
        if (sequence !== expected)
          throw new Error(`subscriber ${index} got ${sequence} in place of ${expected}`);
      }
      const offsets = index < inspectors ? this.#options.contender.protocol.offsetsIn(message) : undefined;
      for (const offset of offsets ?? []) {
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
    this.#latencies?.record(performance.now() - this.#windowStart, count);
    this.#endWindowWhenComplete();
  }

  #endWindowWhenComplete(): void {
    const { contender } = this.#options;
    const expected = this.#published * this.#subscribersEach;
    if (this.#received < expected) return;
    if (contender.protocol.hasAcknowledgements && this.#acknowledged < this.#published) return;
    if (this.#received > expected) this.#failure.fail(new Error("more came than was published"));
    this.#onWindowEnd?.resolve();
  }

  #describeStall(): string {
    const { contender } = this.#options;
    const deliveries = `${this.#received} of ${this.#published * this.#subscribersEach} deliveries`;
    const acknowledgements = `, ${this.#acknowledged} of ${this.#published} acknowledgements`;
    return (
      `nothing has come for ${stallTimeoutMs / 1000} s: ${deliveries}` +
      (contender.protocol.hasAcknowledgements ? acknowledgements : "")
    );
  }
}

function channelsOf({ channels = 1 }: FanOutOptions): readonly string[] {
  return channels === 1 ? ["bench"] : Array.from({ length: channels }, (_, i) => `bench${i}`);
}
