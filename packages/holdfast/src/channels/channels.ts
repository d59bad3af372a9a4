/**
 * The channels that somebody on this node uses. Opens and closes them at the broker, takes the broker's events, notices
 * lost ones by their offsets and repairs them from the log.
 */
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import { conflated, maxBatchBytes } from "./batches.js";

import { Channel } from "./channel.js";
import type { Delivery } from "./delivery.js";
import { FilterLoad } from "./filter-load.js";
import type { Log, LogEvents } from "./log.js";
import type { LogReader } from "./log-reader.js";
import type { PresenceEvents } from "./presence-store.js";
import { defaultUserPercent, type Owner, Quota } from "./quota.js";
import type { Reader } from "./reader.js";
import type { RingLimits } from "./ring.js";
import { Round } from "./round.js";
import type { ChannelKind } from "./rules.js";
import { Subscription } from "./subscription.js";
import { type ViewOptions, viewOf } from "./view.js";

export interface ChannelsOptions {
  readonly log: Log;
  readonly logReader: LogReader;
  readonly delivery: Delivery;
  readonly ringLimits: RingLimits;
  /** Most bytes of all rings together. @default 256 MiB */
  readonly maxRingBytes?: number;
  /** Most channels that are in use at a time. @default 1,000,000 */
  readonly maxOpenChannels?: number;
  /** Percent of that which one user may have opened once half of it is taken. @default 2 */
  readonly userPercent?: number;
  /** @default every channel is a stream */
  readonly kindOf?: (channel: string) => ChannelKind;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Where a reader that comes back goes on. */
export type Recovery =
  | { readonly isRecovered: true; readonly publications: readonly Publication[]; readonly offset: number }
  | { readonly isRecovered: false; readonly reason: string };

export const defaultMaxOpenChannels = 1_000_000;
const defaultMaxRingBytes = 256 * 1024 * 1024;
const channelsPerShrink = 64;
/** Publications from the end of a log, to find one that a filter lets through. */
const maxLookedAt = 300;

interface OpenChannel {
  readonly channel: Channel;
  readonly opened: Promise<void>;
  /** Who came first. */
  readonly owner: Owner;
}

export class Channels implements LogEvents, PresenceEvents {
  readonly #options: ChannelsOptions;
  readonly #open = new Map<string, OpenChannel>();
  readonly #pool = { bytes: 0 };
  readonly #round = new Round(this.#open);
  readonly #quota: Quota;

  constructor(options: ChannelsOptions) {
    this.#options = options;
    const { maxOpenChannels: max = defaultMaxOpenChannels, userPercent = defaultUserPercent } = options;
    this.#quota = new Quota({ max, userPercent, what: "channels in use", option: "maxOpenChannels" });
  }

  get count(): number {
    return this.#open.size;
  }

  /** The channels in use, with the subscriptions of this node. */
  list(): { readonly name: string; readonly numClients: number }[] {
    return [...this.#open.values()].map(({ channel: { name, subscriptions } }) => ({
      name,
      numClients: subscriptions.size,
    }));
  }

  /** Bytes of all rings. */
  get ringBytes(): number {
    return this.#pool.bytes;
  }

  /**
   * The channel, open at the log. Stays at least until the matching `release`.
   * @param owner whom it is charged to where nobody uses it yet; undefined for the server
   * @throws HF_BROKER_FULL where too many are in use, and what the log's `subscribe` throws
   */
  async acquire(name: string, owner?: Owner): Promise<Channel> {
    let entry = this.#open.get(name);
    if (entry === undefined) {
      this.#quota.assertRoom(owner);
      const { ringLimits: limits, kindOf } = this.#options;
      const channel = new Channel(name, { limits, pool: this.#pool, ...(kindOf && { kind: kindOf(name) }) });
      const opened = this.#options.log.subscribe(name).then((position) => this.#opened(channel, position));
      entry = { channel, opened, owner };
      this.#open.set(name, entry);
      this.#quota.add(owner);
    }
    const { channel, opened } = entry;
    channel.holders++;
    try {
      await opened;
    } catch (error) {
      this.release(channel);
      throw error;
    }
    return channel;
  }

  release(channel: Channel): void {
    channel.holders--;
    this.#closeIfUnused(channel);
  }

  /**
   * Where publications come faster than they are handed to readers, so that even quick ones would fall behind.
   * @returns what a publisher is to wait for before it goes on; undefined where it need not
   */
  readersOf(name: string): Promise<void> | undefined {
    const channel = this.#open.get(name)?.channel;
    return channel?.isAhead ? this.#options.delivery.nextTurn() : undefined;
  }

  /**
   * Lets a reader follow the channel from an offset, which must not lie beyond the head.
   * @param options `hasPublication`: whether the reader has the publication at that offset. In a map the
   * reader counts as having all values once it has everything up to the present head, but where `hasValues` says that it
   * has none to begin with.
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
      wholeUntil: options.hasValues === false ? Number.POSITIVE_INFINITY : channel.head,
    });
    subscription.noteDelivered(hasPublication === true);
    channel.subscriptions.add(subscription);
    if (view.filter) {
      channel.filters ??= new FilterLoad();
      channel.filters.add(view.filter, reader.owner ?? "");
    }
    if (view.hasJoinLeave) channel.joinLeaveReaders++;
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    const { channel } = subscription;
    if (subscription.isEnded) return;
    subscription.isEnded = true;
    channel.subscriptions.delete(subscription);
    const { view, reader } = subscription;
    if (view.filter) channel.filters?.remove(view.filter, reader.owner ?? "");
    if (subscription.view.hasJoinLeave) channel.joinLeaveReaders--;
    this.#closeIfUnused(channel);
  }

  /**
   * What a reader that has everything up to `since` has missed: the first batch of it, from the ring, or else the log.
   * The rest it reads as any reader does that lags. An empty epoch counts as the current one.
   * @param keeps whether retention covers a publication; without it, the log is asked
   */
  async recover(
    channel: Channel,
    since: Position,
    keeps?: (publication: Publication) => boolean,
  ): Promise<Recovery> {
    const { offset, epoch } = since;
    if (channel.kind === "live") return { isRecovered: false, reason: "nothing is kept of this channel" };
    if (epoch !== "" && epoch !== channel.epoch)
      return { isRecovered: false, reason: "the position is of another epoch" };
    if (offset > channel.head) await this.#readOn(channel);
    if (offset > channel.head)
      return { isRecovered: false, reason: "the position lies beyond the end of the log" };
    if (offset === channel.head) return { isRecovered: true, publications: [], offset };
    const atHand = keeps && channel.publicationsAfter(offset);
    if (atHand?.[0] && keeps?.(atHand[0])) return recovered(channel, atHand, offset);
    const page = await this.#options.logReader.read(channel, offset);
    if (!page.isComplete)
      return channel.kind === "latest"
        ? await this.#recoverNewest(channel, page.reason)
        : { isRecovered: false, reason: page.reason };
    const { 0: oldest } = page.publications;
    // One that was read before, for others, may have expired since.
    if (oldest && keeps && !keeps(oldest))
      return { isRecovered: false, reason: "publications are no longer kept" };
    this.#options.delivery.learn(channel, page.publications, page.epoch);
    return recovered(channel, page.publications, offset);
  }

  /**
   * The newest publication of what a reader that has everything up to `since` has missed, whatever the epoch that is of.
   * Nothing where the reader is at the end of the log.
   * @param isWanted with it, the newest of those that are wanted; so many are looked at
   */
  async recoverNewest(
    channel: Channel,
    since: Position,
    isWanted?: (publication: Publication) => boolean,
  ): Promise<Recovery> {
    const { offset, epoch } = since;
    if (channel.kind === "live") return { isRecovered: false, reason: "nothing is kept of this channel" };
    if (offset > 0 && offset === channel.head && (epoch === "" || epoch === channel.epoch))
      return { isRecovered: true, publications: [], offset };
    return await this.#readNewest(channel, "the newest publication is no longer kept", isWanted);
  }

  async #readNewest(
    channel: Channel,
    reason: string,
    isWanted?: (publication: Publication) => boolean,
  ): Promise<Recovery> {
    const { log } = this.#options;
    const end = { maxEntries: isWanted ? maxLookedAt : 1, maxBytes: maxBatchBytes, isReverse: true };
    const { publications, position } = await log.history(channel.name, end);
    const newest = publications[0];
    const isNewest = newest?.offset === position.offset && newest.offset === channel.head;
    if (!isNewest || position.epoch !== channel.epoch) return { isRecovered: false, reason };
    const found = isWanted ? publications.find(isWanted) : newest;
    return { isRecovered: true, publications: found ? [found] : [], offset: newest.offset };
  }

  /** Without keys, the newest publication is all that a reader has missed. */
  async #recoverNewest(channel: Channel, reason: string): Promise<Recovery> {
    const recovery = await this.#readNewest(channel, reason);
    const hasKey = recovery.isRecovered && recovery.publications[0]?.key !== undefined;
    return hasKey ? { isRecovered: false, reason } : recovery;
  }

  /** A client may know more than this node's events have told. */
  async #readOn(channel: Channel): Promise<void> {
    const page = await this.#options.logReader.read(channel, channel.head);
    if (page.isComplete) this.#options.delivery.learn(channel, page.publications, page.epoch);
  }

  /** The channel's log was emptied, and what this node has of it counts no more. */
  forgetHistory(name: string): void {
    this.#options.logReader.forget(name);
    this.#open.get(name)?.channel.forgetHistory();
  }

  onPublication(name: string, publication: Publication, epoch: string): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined) return;
    const outcome = channel.receive(publication, epoch);
    if (outcome === "appended") this.#appended(channel);
    else if (outcome === "gap" && !channel.isRepairing) void this.#repair(channel);
  }

  #appended(channel: Channel): void {
    this.#options.delivery.markDirty(channel);
    const { maxRingBytes = defaultMaxRingBytes } = this.#options;
    if (this.#pool.bytes <= maxRingBytes) return;
    // Those whose turn it is hand over what readers of theirs can read from the log.
    this.#round.visit(channelsPerShrink, (_name, { channel: each }) => {
      // Its readers have not even been looked at.
      if (!each.isDirty || each.subscriptions.size === 0) each.shrink();
    });
  }

  onJoin(name: string, info: ClientInfo): void {
    this.#announce(name, "join", info);
  }

  onLeave(name: string, info: ClientInfo): void {
    this.#announce(name, "leave", info);
  }

  #announce(name: string, kind: "join" | "leave", info: ClientInfo): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined || channel.joinLeaveReaders === 0) return;
    channel.announce(kind, info);
    this.#options.delivery.markDirty(channel);
  }

  #opened(channel: Channel, position: Position): void {
    channel.open(position);
    if (channel.seen > channel.head && !channel.isRepairing) void this.#repair(channel);
  }

  /** Reads again what events have failed to bring. Where that is gone, every reader of the channel is told. */
  async #repair(channel: Channel): Promise<void> {
    const { log, logReader, delivery, onError } = this.#options;
    channel.isRepairing = true;
    try {
      do {
        const page = await logReader.read(channel, channel.head);
        if (page.isComplete && page.publications.length > 0) {
          delivery.learn(channel, page.publications, page.epoch);
          continue;
        }
        const end = { maxEntries: 0, maxBytes: 0, isReverse: false };
        const { position } = await log.history(channel.name, end);
        this.#restart(channel, position);
      } while (channel.head < channel.seen);
    } catch (error) {
      onError(error, { stage: `repairing channel ${channel.name}` });
      this.#restart(channel, channel.position);
    } finally {
      channel.isRepairing = false;
    }
  }

  #restart(channel: Channel, position: Position): void {
    channel.restart(position);
    for (const subscription of [...channel.subscriptions]) subscription.reader.lose(subscription);
  }

  #closeIfUnused(channel: Channel): void {
    if (channel.holders > 0 || channel.subscriptions.size > 0) return;
    const entry = this.#open.get(channel.name);
    if (entry?.channel !== channel) return;
    this.#quota.add(entry.owner, -1);
    this.#open.delete(channel.name);
    channel.ring.clear();
    this.#options.log.unsubscribe(channel.name).catch((error: unknown) => {
      this.#options.onError(error, { stage: `leaving channel ${channel.name}` });
    });
  }
}

function recovered(channel: Channel, missed: readonly Publication[], offset: number): Recovery {
  return {
    isRecovered: true,
    publications: conflated(channel, missed),
    offset: missed.at(-1)?.offset ?? offset,
  };
}
