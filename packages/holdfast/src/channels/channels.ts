/**
 * The channels in use on this node: opens and closes them at the broker, subscribes readers, and takes the broker's events.
 * `recovery` reads what events have missed.
 */
import { hasCode } from "../errors.js";
import { Meters } from "../observe/meters.js";
import { memoryOptions } from "../options/limits.js";
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import { type ViewOptions, viewOf } from "./batches.js";
import type { PresenceEvents } from "./broker.js";
import { Channel, type Reader, Subscription } from "./channel.js";
import type { LogEvents } from "./log.js";
import { defaultUserPercent, type Owner, Quota } from "./quota.js";
import { Recovery, type RecoveryOptions } from "./recovery.js";
import type { RingLimits } from "./ring.js";
import { Round } from "./round.js";
import type { ChannelKind } from "./rules.js";

export interface ChannelsOptions extends RecoveryOptions {
  readonly ringLimits: RingLimits;
  /** Most bytes of all rings together. @default 256 MiB */
  readonly maxRingBytes?: number;
  /** Most channels in use at a time. @default 1,000,000 */
  readonly maxOpenChannels?: number;
  /** Percent of `maxOpenChannels` that one user may have opened once half of it is used. @default 2 */
  readonly userPercent?: number;
  /** Gets the publications of channels that are not in use, such as the server's own. */
  readonly onOther?: LogEvents["onPublication"];
  /** @default every channel is a stream */
  readonly kindOf?: (channel: string) => ChannelKind;
  /** The application's pattern of a channel, under which it is counted. @default none */
  readonly patternOf?: (channel: string) => string | undefined;
  /** Unix milliseconds, to compare with the times of publications. Without it, the broker's lag is not measured. */
  readonly now?: () => number;
}

const defaultMaxOpenChannels = memoryOptions.maxOpenChannels.default;
const defaultMaxRingBytes = memoryOptions.ring.entries.maxTotalBytes.default;
const channelsPerShrink = 64;

interface OpenChannel {
  readonly channel: Channel;
  readonly opened: Promise<void>;
  /** Who opened it. */
  readonly owner: Owner;
}

export class Channels implements Pick<LogEvents, "onPublication">, PresenceEvents {
  /** For readers that resume, and channels that have missed events. */
  readonly recovery: Recovery;
  readonly #options: ChannelsOptions;
  readonly #open = new Map<string, OpenChannel>();
  readonly #pool = { bytes: 0 };
  readonly #round = new Round(this.#open);
  readonly #quota: Quota;
  readonly #meters: Meters;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    this.#meters = options.meters ?? new Meters();
    this.recovery = new Recovery(options);
    const { maxOpenChannels: max = defaultMaxOpenChannels, userPercent = defaultUserPercent } = options;
    this.#quota = new Quota({ max, userPercent, what: "channels in use", option: "maxOpenChannels" });
  }

  get count(): number {
    return this.#open.size;
  }

  /** The channels in use. May be walked in parts, while others open and close. */
  *all(): Iterable<Channel> {
    for (const { channel } of this.#open.values()) yield channel;
  }

  /** A channel, if it is in use. */
  find(name: string): Channel | undefined {
    return this.#open.get(name)?.channel;
  }

  /** Bytes of all rings. */
  get ringBytes(): number {
    return this.#pool.bytes;
  }

  /**
   * Opens the channel unless it is open, and keeps it open until the matching `release`.
   * @param owner who is charged when the channel is opened; undefined for the server
   * @throws HF_BROKER_FULL when too many channels are in use, and what the log's `subscribe` throws
   */
  async acquire(name: string, owner?: Owner): Promise<Channel> {
    let entry = this.#open.get(name);
    if (entry === undefined) {
      this.#quota.assertRoom(owner);
      const { ringLimits: limits, kindOf, patternOf } = this.#options;
      const meter = this.#meters.ofPattern(patternOf?.(name));
      const kind = kindOf && { kind: kindOf(name) };
      const channel = new Channel(name, { limits, pool: this.#pool, meter, ...kind });
      const opened = this.#options.log.subscribe(name).then((position) => this.#opened(channel, position));
      entry = { channel, opened, owner };
      this.#open.set(name, entry);
      this.#quota.add(owner);
      meter.channelOpened();
    }
    const { channel, opened } = entry;
    channel.hold();
    try {
      await opened;
    } catch (error) {
      this.release(channel);
      throw error;
    }
    return channel;
  }

  release(channel: Channel): void {
    channel.release();
    this.#closeIfUnused(channel);
  }

  /** The channels with subscriptions on this node whose position is known. */
  *withReaders(): Iterable<Channel> {
    for (const { channel } of this.#open.values())
      if (channel.subscriptions.size > 0 && channel.epoch !== "") yield channel;
  }

  /**
   * Slows down publishers that outrun delivery, since even fast readers would fall behind the ring.
   * @returns what the publisher should wait for; undefined if it need not wait
   */
  whenReadersCatchUp(name: string): Promise<void> | undefined {
    const { delivery, ringLimits } = this.#options;
    const channel = this.#open.get(name)?.channel;
    const isAhead = channel !== undefined && delivery.backlogOf(channel) >= ringLimits.maxEntries / 2;
    return isAhead ? delivery.nextTurn() : undefined;
  }

  /**
   * Subscribes a reader from an offset. One beyond the head is what the reader has had elsewhere: publications up to it, whose events
   * are late, are passed over.
   * @param options `hasPublication`: whether the reader has the publication at that offset. In a map, a reader has all values once
   * it has everything up to the current head, unless `hasValues` is false: then it starts without any.
   */
  subscribe(
    channel: Channel,
    reader: Reader,
    options: {
      readonly offset: number;
      readonly hasPublication?: boolean;
      readonly hasValues?: boolean;
    } & ViewOptions,
  ): Subscription {
    const { offset, hasPublication } = options;
    const cursor = channel.cursorAfter(offset);
    const view = viewOf(options);
    if (view.delta !== "none") channel.keepValues();
    const subscription = new Subscription(channel, reader, {
      cursor,
      offset,
      view,
      wholeFrom: options.hasValues === false ? Number.POSITIVE_INFINITY : channel.head,
    });
    subscription.advance(cursor, offset, hasPublication === true);
    channel.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    const { channel } = subscription;
    if (subscription.isEnded) return;
    channel.remove(subscription);
    this.#closeIfUnused(channel);
  }

  /** The channel's history was removed: drops this node's copy of it. */
  forgetHistory(name: string): void {
    this.#options.logReader.forget(name);
    this.#open.get(name)?.channel.forgetHistory();
  }

  onPublication(name: string, publication: Publication, epoch: string): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined) {
      this.#options.onOther?.(name, publication, epoch);
      return;
    }
    const outcome = channel.append(publication, epoch);
    if (outcome === "appended") this.#received(channel, publication);
    else if (outcome === "gap") void this.recovery.repair(channel);
  }

  #received(channel: Channel, { time }: Publication): void {
    const { now } = this.#options;
    channel.meter.publicationReceived();
    if (now !== undefined) this.#meters.brokerLag.observeMs(Math.max(0, now() - time));
    this.#appended(channel);
  }

  #appended(channel: Channel): void {
    const { delivery, maxRingBytes = defaultMaxRingBytes } = this.#options;
    delivery.markDirty(channel);
    if (this.#pool.bytes <= maxRingBytes) return;
    // Shrinks the rings of a few channels at a time: their readers can read the log.
    this.#round.visit(channelsPerShrink, (_name, { channel: each }) => {
      // But not before the channel's readers were offered its entries.
      if (!delivery.isDirty(each) || each.subscriptions.size === 0) each.shrink();
    });
  }

  onJoin(name: string, info: ClientInfo): void {
    this.#announce(name, "join", info);
  }

  onLeave(name: string, info: ClientInfo): void {
    this.#announce(name, "leave", info);
  }

  /** Gives a publication that is not stored to the channel's readers on this node. */
  announcePublication(name: string, publication: Publication): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined) return;
    channel.announcePublication(publication);
    this.#appended(channel);
  }

  #announce(name: string, kind: "join" | "leave", info: ClientInfo): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined || !channel.wantsJoinLeave) return;
    channel.announce(kind, info);
    this.#options.delivery.markDirty(channel);
  }

  #opened(channel: Channel, position: Position): void {
    channel.open(position);
    if (channel.isIncomplete) void this.recovery.repair(channel);
  }

  #closeIfUnused(channel: Channel): void {
    if (channel.isUsed) return;
    const entry = this.#open.get(channel.name);
    if (entry?.channel !== channel) return;
    this.#quota.add(entry.owner, -1);
    this.#open.delete(channel.name);
    channel.meter.channelClosed();
    channel.close();
    this.#options.log.unsubscribe(channel.name).catch((error: unknown) => {
      // A closed log has no subscriptions any more.
      if (!hasCode(error, "HF_BROKER_CLOSED"))
        this.#options.onError(error, { stage: `leaving channel ${channel.name}` });
    });
  }
}
