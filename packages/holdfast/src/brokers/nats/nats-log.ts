/**
 * The log of all channels on JetStream: each channel is a subject of one of the streams, its messages hold its publications, and the server
 * republishes what it has stored to the nodes that are subscribed. Positions come from the newest message, read where all acknowledged
 * ones are.
 */
import type { BrokerNeeds } from "../../channels/broker.js";
import type {
  HistoryPage,
  HistoryQuery,
  KeysPage,
  KeysQuery,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
} from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import type { Position, Publication } from "../../wire/messages.js";
import { nameOfKey } from "../idempotency.js";
import type { NodeLog } from "../nodes/node-broker.js";
import { ChannelMessages, FrameCache } from "./channel-messages.js";
import { Backlog, ChannelWriter, type WriterParts } from "./channel-writer.js";
import { Frame } from "./frame.js";
import type { JetStream } from "./jetstream.js";
import type { NatsConnection } from "./nats-connection.js";
import type { NatsStore } from "./nats-store.js";
import { encodePublication } from "./publication-bytes.js";
import { StreamRoom } from "./stream-room.js";
import { type ChannelSubject, digest, hashOf, type Subjects } from "./subjects.js";
import { Trimmer } from "./trimmer.js";

export interface NatsLogOptions {
  /** Opened and closed with the log. */
  readonly store: NatsStore;
  readonly clock: Clock;
  readonly createEpoch: () => string;
  readonly subjects: Subjects;
  readonly maxAgeMs: number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const maxBacklogBytes = 64 * 1024 * 1024;
const maxCacheBytes = 8 * 1024 * 1024;
/** Channels whose last message is known without asking. */
const maxWriters = 20_000;
/** Requests of one call that are pending at once. */
const maxParallel = 256;
/** For headers of a message, which count toward the server's limit. */
const headerBytes = 512;

interface Opened {
  readonly connection: NatsConnection;
  readonly jetStream: JetStream;
  readonly events: LogEvents;
  readonly messages: ChannelMessages;
  readonly trimmer: Trimmer;
  readonly room: StreamRoom;
  readonly writerParts: WriterParts;
}

export class NatsLog implements NodeLog {
  readonly canGoBack = true;
  readonly #options: NatsLogOptions;
  #opened: Opened | undefined;
  #isClosed = false;
  /** Calls that end the subscriptions. */
  readonly #subscribed = new Map<string, () => void>();
  /** The least recently used first. */
  readonly #writers = new Map<string, ChannelWriter>();
  readonly #backlog = new Backlog(maxBacklogBytes);

  constructor(options: NatsLogOptions) {
    this.#options = options;
  }

  /** Sizes of everything that is kept for channels, besides caches. */
  get sizes(): { readonly subscribed: number; readonly backlogBytes: number } {
    return { subscribed: this.#subscribed.size, backlogBytes: this.#backlog.bytes };
  }

  /** @throws what opening the store throws */
  async open(events: LogEvents): Promise<void> {
    if (this.#isClosed) throw new HoldfastError("HF_BROKER_CLOSED");
    const { store, clock, createEpoch, subjects, onError } = this.#options;
    await store.open();
    const { connection, jetStream } = store;
    const messages = new ChannelMessages(jetStream, new FrameCache(maxCacheBytes));
    const trimmer = new Trimmer({ jetStream, messages, clock, onError });
    const room = new StreamRoom({ jetStream, streams: subjects.streamNames, clock, onError });
    await room.start();
    store.listen({
      onDisconnect: () => events.onDisconnect(),
      onReconnect: () => {
        // Another server may have taken over, with what it has.
        for (const writer of this.#writers.values()) writer.forget();
        events.onReconnect();
      },
    });
    this.#opened = {
      connection,
      jetStream,
      events,
      messages,
      trimmer,
      room,
      writerParts: {
        jetStream,
        messages,
        clock,
        createEpoch,
        initialEpoch: (channel) => this.#initialEpoch(channel),
        maxMessageBytes: connection.maxPayloadBytes - headerBytes,
        backlog: this.#backlog,
        onAppend: (writer, state) => trimmer.appended(writer, state),
      },
    };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#opened?.trimmer.stop();
    this.#opened?.room.stop();
    this.#subscribed.clear();
    this.#writers.clear();
    await this.#options.store.close();
  }

  isSubscribed(channel: string): boolean {
    return this.#subscribed.has(channel);
  }

  subscribedChannels(): Iterable<string> {
    return this.#subscribed.keys();
  }

  async subscribe(channel: string): Promise<Position> {
    const { connection } = this.#assertOpen();
    connection.assertConnected();
    const subject = this.#options.subjects.of(channel);
    const known = this.#subscribed.get(channel);
    const subscribed = known ?? this.#listen(channel, subject, connection);
    this.#subscribed.set(channel, subscribed);
    try {
      // The server has the subscription before it reads the position, since both go the same way.
      return await this.#position(channel, subject);
    } catch (error) {
      if (known === undefined && this.#subscribed.get(channel) === subscribed) {
        subscribed();
        this.#subscribed.delete(channel);
      }
      throw error;
    }
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#assertOpen();
    this.#subscribed.get(channel)?.();
    this.#subscribed.delete(channel);
  }

  async publish(
    channel: string,
    publication: NewPublication,
    options: PublishOptions,
  ): Promise<PublishResult> {
    const { connection, room } = this.#assertOpen();
    connection.assertConnected();
    this.#assertSupported(publication, options);
    const writer = this.#writer(channel);
    room.assertRoom(writer.subject.stream, options);
    const encoded = encodePublication(publication, this.#options.clock.now());
    const { idempotencyKey, sender = "" } = options;
    const keyId =
      idempotencyKey === undefined
        ? undefined
        : digest(`${channel.length} ${channel}${nameOfKey(sender, idempotencyKey)}`);
    return await writer.publish(encoded, options, keyId);
  }

  async history(channel: string, query: HistoryQuery): Promise<HistoryPage> {
    const { messages } = this.#assertOpen();
    const subject = this.#options.subjects.of(channel);
    const head = await messages.last(subject);
    if (head === undefined) return { publications: [], position: this.#emptyPosition(channel) };
    return await messages.page(subject, head, query, this.#options.clock.now());
  }

  async heads(
    channels: readonly string[],
    floors?: ReadonlyMap<string, readonly Position[]>,
  ): Promise<ReadonlyMap<string, Position>> {
    this.#assertOpen();
    const heads = new Map<string, Position>();
    for (let i = 0; i < channels.length; i += maxParallel)
      await Promise.all(
        channels.slice(i, i + maxParallel).map(async (channel) => {
          const position = await this.#position(channel, this.#options.subjects.of(channel));
          heads.set(channel, await this.#raise(channel, position, floors?.get(channel) ?? []));
        }),
      );
    return heads;
  }

  async removeHistory(channel: string): Promise<void> {
    const { jetStream } = this.#assertOpen();
    const writer = this.#writer(channel);
    writer.forget();
    const { last } = await writer.change(({ offset, bytes, removedTo }) =>
      removedTo >= offset ? undefined : { removedTo: offset, removedBytes: bytes },
    );
    if (last) await jetStream.purge(writer.subject.stream, writer.subject.log, last.seq);
  }

  async keys(_channel: string, _query: KeysQuery): Promise<KeysPage> {
    this.#assertOpen();
    throw unsupportedMaps();
  }

  async value(_channel: string, _key: string): Promise<Publication | undefined> {
    this.#assertOpen();
    throw unsupportedMaps();
  }

  async renewKey(_channel: string, _key: string): Promise<boolean> {
    this.#assertOpen();
    throw unsupportedMaps();
  }

  #assertOpen(): Opened {
    if (this.#isClosed || this.#opened === undefined) throw new HoldfastError("HF_BROKER_CLOSED");
    return this.#opened;
  }

  #assertSupported({ version }: NewPublication, { retention, durability, keyMode }: PublishOptions): void {
    if (retention.keys || keyMode !== undefined) throw unsupportedMaps();
    if (version !== undefined)
      throw new HoldfastError(
        "HF_BROKER_UNSUPPORTED",
        "version is not supported on NATS; for retries, use idempotency_key",
      );
    if (durability === "disk") throw unsupportedDisk();
    const { maxAgeMs } = this.#options;
    if (retention.maxEntries > 0 && retention.ttlMs > maxAgeMs)
      throw new HoldfastError(
        "HF_BROKER_UNSUPPORTED",
        `history is to be kept for ${retention.ttlMs} ms, but NATS removes messages after maxAge, ${maxAgeMs} ms`,
      );
  }

  #writer(channel: string): ChannelWriter {
    const { writerParts } = this.#assertOpen();
    const known = this.#writers.get(channel);
    const writer = known ?? new ChannelWriter(channel, this.#options.subjects.of(channel), writerParts);
    this.#writers.delete(channel);
    this.#writers.set(channel, writer);
    if (known === undefined && this.#writers.size > maxWriters) this.#dropWriters();
    return writer;
  }

  #dropWriters(): void {
    for (const [channel, { isIdle }] of this.#writers) {
      if (this.#writers.size <= maxWriters) return;
      // Its state can be read again.
      if (isIdle) this.#writers.delete(channel);
    }
  }

  #listen(channel: string, subject: ChannelSubject, connection: NatsConnection): () => void {
    return connection.subscribe(subject.live, ({ data, headers }) => {
      try {
        this.#receive(channel, new Frame(Number(headers?.get("Nats-Sequence")), data));
      } catch (error) {
        this.#options.onError(error, { stage: "reading a publication from NATS" });
      }
    });
  }

  #receive(channel: string, frame: Frame): void {
    const { events } = this.#assertOpen();
    this.#writers.get(channel)?.observe(frame);
    frame.visit((publication) => {
      events.onPublication(channel, publication, frame.epoch);
      return this.#subscribed.has(channel);
    });
  }

  async #position(channel: string, subject: ChannelSubject): Promise<Position> {
    const head = await this.#assertOpen().messages.last(subject);
    if (head === undefined) return this.#emptyPosition(channel);
    this.#refresh(channel, head);
    return { epoch: head.epoch, offset: head.lastOffset };
  }

  /** Keeps the server from forgetting a log that has readers: it removes messages by their age alone. */
  #refresh(channel: string, head: Frame): void {
    const { clock, maxAgeMs, onError } = this.#options;
    if (clock.now() - head.time < maxAgeMs / 2 || !this.#subscribed.has(channel)) return;
    const writer = this.#writer(channel);
    writer.forget();
    writer
      .change(({ time }) => (time === head.time ? {} : undefined))
      .catch((error) => onError(error, { stage: "keeping a log in NATS" }));
  }

  /** A log that is behind what readers were shown starts a new epoch. */
  async #raise(channel: string, position: Position, floors: readonly Position[]): Promise<Position> {
    const isBehind = ({ epoch, offset }: Position) =>
      floors.some((floor) => epoch === floor.epoch && offset < floor.offset);
    if (!isBehind(position)) return position;
    const writer = this.#writer(channel);
    writer.forget();
    const { epoch, offset } = await writer.change((state) =>
      isBehind(state) ? { epoch: this.#options.createEpoch() } : undefined,
    );
    return { epoch, offset };
  }

  #emptyPosition(channel: string): Position {
    return { epoch: this.#initialEpoch(channel), offset: 0 };
  }

  /**
   * The epoch of a log that begins now, the same for all nodes, without any state. A log is forgotten only by the age of its last message, so
   * it ends at least `maxAgeMs` after it has begun. Epochs are therefore numbered by periods a little shorter than that: a
   * forgotten log's epoch never comes again, as long as the clocks of nodes and servers differ by less than an hour. Periods of
   * channels begin at different times, since readers of an empty channel start over when one does.
   */
  #initialEpoch(channel: string): string {
    const { store, clock, maxAgeMs, subjects } = this.#options;
    const hash = hashOf(channel);
    const periodMs = maxAgeMs - Math.min(maxClockDifferenceMs, maxAgeMs / 4);
    const shiftMs = (hash / 2 ** 32) * periodMs;
    const period = Math.floor((clock.now() + shiftMs) / periodMs);
    return `${store.epochBases[hash % subjects.numStreams]}-${period.toString(36)}`;
  }
}

const maxClockDifferenceMs = 60 * 60 * 1000;

/** @throws HF_BROKER_UNSUPPORTED for maps and for durability disk */
export function assertCanKeep({ hasMaps, durability }: BrokerNeeds): void {
  if (hasMaps) throw unsupportedMaps();
  if (durability === "disk") throw unsupportedDisk();
}

function unsupportedMaps(): HoldfastError {
  return new HoldfastError(
    "HF_BROKER_UNSUPPORTED",
    "the NATS broker keeps no maps: use the Redis broker or the embedded store for channels of kind map",
  );
}

function unsupportedDisk(): HoldfastError {
  return new HoldfastError(
    "HF_BROKER_UNSUPPORTED",
    "the NATS broker cannot promise durability disk: servers acknowledge before they flush, unless sync_interval is always, which clients cannot see; use durability process",
  );
}
