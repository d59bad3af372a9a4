/**
 * Publishers that publish and wait for the acknowledgement, a window of each outstanding. Several may share a connection,
 * whose messages then go out in one write. Each acknowledgement has to be for a publication that waits for it; one that
 * is wrong, twice or missing fails the run.
 */

import type { LatencyHistogram } from "@holdfast/lab/load";
import { inParallel } from "@holdfast/lab/load";
import { replaceText, textFrame } from "@holdfast/lab/node";
import { type AcknowledgedProtocol, firstId } from "./acknowledged-protocol.js";
import { FirstFailure, stallTimeoutMs, watchForStall } from "./load.js";
import { markedPayload, minPayloadBytes } from "./payload.js";
import { RawClient, sourceOf } from "./raw-client.js";

export interface PublishLoadOptions {
  readonly port: number;
  readonly speech: AcknowledgedProtocol;
  readonly publishers: number;
  /** They spread over so many connections. */
  readonly connections: number;
  /** Publisher n publishes into channel n, and so on from the first when there are no more. */
  readonly channels: readonly string[];
  /** Publications that each publisher has outstanding. */
  readonly window: number;
  /** Of each message. */
  readonly bytes: number;
}

export interface Publications {
  readonly published: number;
  readonly seconds: number;
}

export class PublishLoad {
  readonly #options: PublishLoadOptions;
  readonly #publishers: readonly PublisherConnection[];
  #outstanding = 0;
  #acknowledged = 0;
  #latencies: LatencyHistogram | undefined;
  #deadline = 0;
  readonly #failure = new FirstFailure();
  #onEnd: { resolve(): void; reject(error: Error): void } | undefined;

  private constructor(options: PublishLoadOptions, clients: readonly RawClient[]) {
    this.#options = options;
    const { publishers, channels, window } = options;
    this.#failure.onFail = (error) => this.#onEnd?.reject(error);
    this.#publishers = clients.map((client, c) => {
      const slots: Slot[] = [];
      for (let p = c; p < publishers; p += clients.length)
        for (let w = 0; w < window; w++)
          slots.push(new Slot(options, channels[p % channels.length] as string, c));
      return new PublisherConnection(client, slots);
    });
    for (const connection of this.#publishers) {
      connection.client.onLost = this.#failure.fail;
      connection.client.onMessage = (message) => this.#receive(connection, message);
    }
  }

  static async open(options: PublishLoadOptions): Promise<PublishLoad> {
    const { port, speech, connections } = options;
    const clients = await inParallel(connections, async (i) => {
      const client = await RawClient.open({ port, protocol: speech.protocol, ...sourceOf(i) });
      await speech.signOn(client, i);
      return client;
    });
    return new PublishLoad(options, clients);
  }

  /** Acknowledged since the beginning. */
  get acknowledged(): number {
    return this.#acknowledged;
  }

  /** Publishes until the time is over, and waits for all acknowledgements. @param latencies where each is recorded */
  async publishFor(seconds: number, latencies?: LatencyHistogram): Promise<Publications> {
    const before = this.#acknowledged;
    const start = performance.now();
    this.#deadline = start + seconds * 1000;
    this.#latencies = latencies;
    if (seconds > 0) await this.#run();
    return { published: this.#acknowledged - before, seconds: (performance.now() - start) / 1000 };
  }

  close(): void {
    for (const { client } of this.#publishers) client.destroy();
  }

  async #run(): Promise<void> {
    const watchdog = watchForStall(
      () => this.#acknowledged,
      () => this.#failure.fail(new Error(`no acknowledgement has come for ${stallTimeoutMs / 1000} s`)),
    );
    try {
      await new Promise<void>((resolve, reject) => {
        if (this.#failure.error) reject(this.#failure.error);
        this.#onEnd = { resolve, reject };
        for (const connection of this.#publishers) {
          this.#outstanding += connection.slots.length;
          for (const slot of connection.slots) connection.publish(slot, performance.now());
        }
      });
    } finally {
      clearInterval(watchdog);
    }
  }

  #receive(connection: PublisherConnection, message: string): void {
    const now = performance.now();
    try {
      this.#options.speech.readIds(message, (id) => {
        const slot = connection.take(id);
        this.#acknowledged++;
        this.#latencies?.record(now - slot.sentAt);
        if (now < this.#deadline) connection.publish(slot, now);
        else if (--this.#outstanding === 0) this.#onEnd?.resolve();
      });
    } catch (error) {
      this.#failure.fail(error as Error);
    }
  }
}

/** Sends what its publishers publish in one turn together. */
class PublisherConnection {
  readonly client: RawClient;
  readonly slots: readonly Slot[];
  readonly #waiting = new Map<number, Slot>();
  #nextId = firstId;
  #frames: Buffer[] = [];

  constructor(client: RawClient, slots: readonly Slot[]) {
    this.client = client;
    this.slots = slots;
  }

  publish(slot: Slot, now: number): void {
    const id = this.#nextId++;
    slot.sentAt = now;
    this.#waiting.set(id, slot);
    this.#frames.push(slot.prepare(id));
    if (this.#frames.length === 1) queueMicrotask(this.#flush);
  }

  /** @throws Error when nothing waits for an acknowledgement of this id */
  take(id: number): Slot {
    const slot = this.#waiting.get(id);
    if (slot === undefined) throw new Error(`what came is no acknowledgement, or one too many: ${id}`);
    this.#waiting.delete(id);
    return slot;
  }

  readonly #flush = (): void => {
    const frames = this.#frames;
    this.#frames = [];
    this.client.sendFrame(frames.length === 1 ? (frames[0] as Buffer) : Buffer.concat(frames));
  };
}

/** One outstanding publication: a frame that is used again and again, with another id and sequence number each time. */
class Slot {
  sentAt = 0;
  readonly #frame: Buffer;
  readonly #payloadBytes: number;
  readonly #idAt: number;
  readonly #sequenceAt: number;
  #sequence = 0;

  constructor({ speech, bytes }: PublishLoadOptions, channel: string, connection: number) {
    const data = markedPayload.create(0, bytes);
    const text = speech.publish(channel, data, firstId, connection);
    this.#frame = textFrame(text);
    this.#payloadBytes = text.length;
    this.#idAt = text.indexOf(String(firstId));
    this.#sequenceAt = text.indexOf(data) + 1;
  }

  prepare(id: number): Buffer {
    replaceText(this.#frame, this.#payloadBytes, this.#idAt, String(id));
    const sequence = String(++this.#sequence).padStart(minPayloadBytes - 2, "0");
    replaceText(this.#frame, this.#payloadBytes, this.#sequenceAt, sequence);
    return this.#frame;
  }
}
