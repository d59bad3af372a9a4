/**
 * The channels that somebody on this node uses. Opens and closes them at the broker, takes the broker's events, notices
 * lost ones by their offsets and repairs them from the log.
 */
import type { ClientInfo, Position, Publication } from "../wire/messages.js";
import type { Broker, BrokerEvents } from "./broker.js";
import { Channel } from "./channel.js";
import type { Delivery } from "./delivery.js";
import type { LogReader } from "./log-reader.js";
import type { Reader } from "./reader.js";
import type { RingLimits } from "./ring.js";
import { Subscription } from "./subscription.js";

export interface ChannelsOptions {
  readonly broker: Broker;
  readonly log: LogReader;
  readonly delivery: Delivery;
  readonly ringLimits: RingLimits;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Where a reader that comes back goes on. */
export type Recovery =
  | { readonly isRecovered: true; readonly publications: readonly Publication[]; readonly offset: number }
  | { readonly isRecovered: false; readonly reason: string };

interface OpenChannel {
  readonly channel: Channel;
  readonly opened: Promise<void>;
}

export class Channels implements BrokerEvents {
  readonly #options: ChannelsOptions;
  readonly #open = new Map<string, OpenChannel>();

  constructor(options: ChannelsOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#open.size;
  }

  /**
   * The channel, open at the broker. Stays at least until the matching `release`.
   * @throws what the broker's `subscribe` throws
   */
  async acquire(name: string): Promise<Channel> {
    let entry = this.#open.get(name);
    if (entry === undefined) {
      const channel = new Channel(name, this.#options.ringLimits);
      const opened = this.#options.broker.subscribe(name).then((position) => this.#opened(channel, position));
      entry = { channel, opened };
      this.#open.set(name, entry);
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

  /** Lets a reader follow the channel from an offset, which must not lie beyond the head. */
  subscribe(
    channel: Channel,
    reader: Reader,
    options: { offset: number; hasJoinLeave: boolean },
  ): Subscription {
    const { offset, hasJoinLeave } = options;
    const cursor = channel.cursorAfter(offset);
    const subscription = new Subscription(channel, reader, { cursor, offset, hasJoinLeave });
    channel.subscriptions.add(subscription);
    if (hasJoinLeave) channel.joinLeaveReaders++;
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    const { channel } = subscription;
    if (subscription.isEnded) return;
    subscription.isEnded = true;
    channel.subscriptions.delete(subscription);
    if (subscription.hasJoinLeave) channel.joinLeaveReaders--;
    this.#closeIfUnused(channel);
  }

  /**
   * What a reader that has everything up to `since` has missed: the first batch of it, read from the log.
   * The rest it reads as any reader does that lags. An empty epoch counts as the current one.
   */
  async recover(channel: Channel, since: Position): Promise<Recovery> {
    const { offset, epoch } = since;
    if (epoch !== "" && epoch !== channel.epoch)
      return { isRecovered: false, reason: "the position is of another epoch" };
    if (offset > channel.head) await this.#readOn(channel);
    if (offset > channel.head)
      return { isRecovered: false, reason: "the position lies beyond the end of the log" };
    if (offset === channel.head) return { isRecovered: true, publications: [], offset };
    const page = await this.#options.log.read(channel, offset);
    if (!page.isComplete) return { isRecovered: false, reason: page.reason };
    this.#options.delivery.learn(channel, page.publications, page.epoch);
    return {
      isRecovered: true,
      publications: page.publications,
      offset: page.publications.at(-1)?.offset ?? offset,
    };
  }

  /** A client may know more than this node's events have told. */
  async #readOn(channel: Channel): Promise<void> {
    const page = await this.#options.log.read(channel, channel.head);
    if (page.isComplete) this.#options.delivery.learn(channel, page.publications, page.epoch);
  }

  onPublication(name: string, publication: Publication, epoch: string): void {
    const channel = this.#open.get(name)?.channel;
    if (channel === undefined) return;
    const outcome = channel.receive(publication, epoch);
    if (outcome === "appended") this.#options.delivery.markDirty(channel);
    else if (outcome === "gap" && !channel.isRepairing) void this.#repair(channel);
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
    const { broker, log, delivery, onError } = this.#options;
    channel.isRepairing = true;
    try {
      do {
        const page = await log.read(channel, channel.head);
        if (page.isComplete && page.publications.length > 0) {
          delivery.learn(channel, page.publications, page.epoch);
          continue;
        }
        const end = { maxEntries: 0, maxBytes: 0, isReverse: false };
        const { position } = await broker.history(channel.name, end);
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
    if (this.#open.get(channel.name)?.channel !== channel) return;
    this.#open.delete(channel.name);
    this.#options.broker.unsubscribe(channel.name).catch((error: unknown) => {
      this.#options.onError(error, { stage: `leaving channel ${channel.name}` });
    });
  }
}
