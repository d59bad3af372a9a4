/**
 * Recovers missed publications: for a reader that resumes, and for a node that missed events. What cannot be recovered is
 * reported to that reader, or to every reader of the channel.
 */
import { hasCode } from "../errors.js";
import type { Meters } from "../observe/meters.js";
import type { Position, Publication } from "../wire/messages.js";
import { conflate, maxBatchBytes } from "./batches.js";
import type { Channel } from "./channel.js";
import type { Delivery } from "./delivery.js";
import type { Log } from "./log.js";
import type { LogReader } from "./log-reader.js";

export interface RecoveryOptions {
  readonly log: Log;
  readonly logReader: LogReader;
  readonly delivery: Delivery;
  /** @default nothing is counted */
  readonly meters?: Meters;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  /** A channel's log started afresh, or lost what its readers were shown. */
  readonly onRestarted?: (channel: string, before: string, epoch: string) => void;
}

/** Where a reader that resumes continues. */
export type Recovered =
  | { readonly isRecovered: true; readonly publications: readonly Publication[]; readonly offset: number }
  | { readonly isRecovered: false; readonly cause: RefusedRecovery; readonly reason: string };

/**
 * Why a reader is not recovered: its position is of another `epoch` or lies `ahead` of the log, what follows it has `expired`, its
 * channel keeps nothing (`unkept`), or the reader may not read that far back (`forbidden`).
 */
export type RefusedRecovery = "epoch" | "ahead" | "expired" | "unkept" | "forbidden";

/** A read of a log's head, and the one that follows it. */
interface ReadingEnd {
  readonly pending: Promise<number>;
  next: Promise<number> | undefined;
}

/** Publications at the end of a log that are searched for one that passes a filter. */
const maxSearched = 300;

export class Recovery {
  readonly #options: RecoveryOptions;
  readonly #repairing = new Map<Channel, Promise<void>>();
  /** Comparisons with the log that are pending. */
  readonly #verifying = new Map<Channel, Promise<void>>();
  /** For live channels. */
  readonly #ends = new Map<Channel, ReadingEnd>();

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Channels that are being repaired. */
  get repairs(): number {
    return this.#repairing.size;
  }

  /**
   * What a reader that has everything up to `since` has missed: the first batch, from the ring or else the log. It reads the rest
   * like any lagging reader. An empty epoch stands for the current one.
   * @param keeps whether retention still covers a publication; without it, the log is asked
   */
  async recover(
    channel: Channel,
    since: Position,
    keeps?: (publication: Publication) => boolean,
  ): Promise<Recovered> {
    if (channel.kind === "live") return notKept;
    // This node may be the one that has not heard of a new epoch yet.
    if (isOfOther(channel, since)) await this.#verify(channel);
    const before = channel.epoch;
    const result = await this.#recoverWithin(channel, since, keeps);
    // The log has a new epoch, which the reader gets now instead of being told at once that it has the old one.
    if (!result.isRecovered && result.cause === "epoch" && before === channel.epoch)
      await this.#verify(channel);
    return channel.epoch === before ? result : startedAfresh;
  }

  async #recoverWithin(
    channel: Channel,
    since: Position,
    keeps?: (publication: Publication) => boolean,
  ): Promise<Recovered> {
    const { offset } = since;
    if (isOfOther(channel, since))
      return { isRecovered: false, cause: "epoch", reason: "the position is of another epoch" };
    // A client may know more than this node's events have brought.
    if (offset > channel.head) await this.#readOn(channel);
    if (offset > channel.head)
      return {
        isRecovered: false,
        cause: "ahead",
        reason: "the position lies beyond the end of the log",
      };
    if (offset === channel.head) return { isRecovered: true, publications: [], offset };
    const inRing = keeps && channel.publicationsAfter(offset);
    if (inRing?.[0] && keeps?.(inRing[0])) return recovered(channel, inRing, offset);
    const page = await this.#options.logReader.read(channel, offset);
    if (!page.isComplete)
      return channel.kind === "latest"
        ? await this.#readNewestWithoutKeys(channel, page)
        : { isRecovered: false, cause: page.cause, reason: page.reason };
    const { 0: oldest } = page.publications;
    // The page may have been read earlier, for others, and have expired since.
    if (oldest && keeps && !keeps(oldest))
      return { isRecovered: false, cause: "expired", reason: "publications are no longer kept" };
    this.#options.delivery.appendFromLog(channel, page.publications, page.epoch);
    return recovered(channel, page.publications, offset);
  }

  /**
   * The newest publication that a reader which has everything up to `since` has missed, in whatever epoch. Nothing if the reader is
   * at the head of the log.
   * @param isWanted with it, the newest that is wanted among the last `maxSearched`
   */
  async recoverNewest(
    channel: Channel,
    since: Position,
    isWanted?: (publication: Publication) => boolean,
  ): Promise<Recovered> {
    const { offset, epoch } = since;
    if (channel.kind === "live") return notKept;
    if (offset > 0 && offset === channel.head && (epoch === "" || epoch === channel.epoch))
      return { isRecovered: true, publications: [], offset };
    const gone = { cause: "expired", reason: "the newest publication is no longer kept" } as const;
    return await this.#readNewest(channel, gone, isWanted);
  }

  /**
   * Where a reader without a position starts in a live channel: at the end of its log, so that it does not get again what it had on
   * another node, and whose events are late on this one. Where the store cannot be reached, at the head of this node.
   */
  startOfLive(channel: Channel): Promise<number> {
    const reading = this.#ends.get(channel);
    if (reading === undefined) return this.#readEnd(channel);
    // What is being read may be older than what this reader has had.
    reading.next ??= reading.pending.catch(() => {}).then(() => this.#readEnd(channel));
    return reading.next;
  }

  #readEnd(channel: Channel): Promise<number> {
    const pending = this.#findEnd(channel).finally(() => {
      if (reading.next === undefined) this.#ends.delete(channel);
    });
    const reading: ReadingEnd = { pending, next: undefined };
    this.#ends.set(channel, reading);
    return pending;
  }

  async #findEnd(channel: Channel): Promise<number> {
    try {
      const head = (await this.#options.log.heads([channel.name])).get(channel.name);
      return head?.epoch === channel.epoch ? Math.max(head.offset, channel.head) : channel.head;
    } catch (error) {
      if (!hasCode(error, "HF_BROKER_UNAVAILABLE")) throw error;
      return channel.head;
    }
  }

  /** Brings this node to an offset that a reader of another node has. @returns whether it is there */
  async reach(channel: Channel, offset: number): Promise<boolean> {
    if (offset > channel.head && channel.kind !== "live") await this.#readOn(channel);
    return offset <= channel.head;
  }

  /** Reads what events have failed to bring. If it is gone, every reader of the channel gets a gap. */
  repair(channel: Channel): Promise<void> {
    const pending = this.#repairing.get(channel);
    if (pending) return pending;
    const repairing = this.#readMissing(channel).finally(() => this.#repairing.delete(channel));
    this.#repairing.set(channel, repairing);
    return repairing;
  }

  async #readMissing(channel: Channel): Promise<void> {
    const { log, logReader, delivery, meters, onError } = this.#options;
    meters?.positionRepaired();
    try {
      do {
        const page = await logReader.read(channel, channel.head);
        if (page.isComplete && page.publications.length > 0) {
          delivery.appendFromLog(channel, page.publications, page.epoch);
          continue;
        }
        const end = { maxEntries: 0, maxBytes: 0, isReverse: false };
        const { position } = await log.history(channel.name, end);
        this.#restart(channel, position);
      } while (channel.isIncomplete);
    } catch (error) {
      // The next check of positions repairs it.
      if (hasCode(error, "HF_BROKER_UNAVAILABLE")) return;
      onError(error, { stage: `repairing channel ${channel.name}` });
      this.#restart(channel, channel.position);
    }
  }

  /**
   * Compares what this node has with the head of the log.
   * @param before the node's position when the head was asked for
   * @returns `behind` if publications are missing whose events may still be on their way
   */
  compare(channel: Channel, before: Position, head: Position): "settled" | "behind" {
    // It has restarted meanwhile, or is being repaired, which compares again.
    if (channel.epoch !== before.epoch || this.#repairing.has(channel)) return "settled";
    if (head.epoch !== before.epoch || head.offset < before.offset) {
      // Another log, or one that has lost what readers were shown: old positions are invalid.
      this.#restart(channel, head);
      return "settled";
    }
    if (head.offset <= channel.head) return "settled";
    if (channel.head > before.offset) return "behind";
    channel.markSeen(head.offset);
    void this.repair(channel);
    return "settled";
  }

  /** Compares with the head of the log now. @throws what the log's `heads` throws */
  #verify(channel: Channel): Promise<void> {
    const pending = this.#verifying.get(channel);
    if (pending) return pending;
    const verified = this.#readHead(channel).finally(() => this.#verifying.delete(channel));
    this.#verifying.set(channel, verified);
    return verified;
  }

  async #readHead(channel: Channel): Promise<void> {
    const { log } = this.#options;
    const { name, position: before } = channel;
    const heads = await log.heads([name], log.canGoBack ? new Map([[name, [before]]]) : undefined);
    const head = heads.get(name);
    if (head) this.compare(channel, before, head);
  }

  #restart(channel: Channel, position: Position): void {
    const before = channel.epoch;
    channel.restart(position);
    this.#options.meters?.logRestarted();
    this.#options.onRestarted?.(channel.name, before, position.epoch);
    const reason =
      before === position.epoch ? "publications are no longer kept" : "the channel's log has started afresh";
    for (const subscription of [...channel.subscriptions]) subscription.reader.onGap(subscription, reason);
  }

  async #readNewest(
    channel: Channel,
    refusal: Pick<Refused, "cause" | "reason">,
    isWanted?: (publication: Publication) => boolean,
  ): Promise<Recovered> {
    const maxEntries = isWanted ? maxSearched : 1;
    const end = { maxEntries, maxBytes: maxBatchBytes, isReverse: true };
    const { publications, position } = await this.#options.log.history(channel.name, end);
    if (position.epoch !== channel.epoch) await this.#verify(channel);
    const newest = publications[0];
    const isNewest = newest?.offset === position.offset && newest.offset === channel.head;
    if (!isNewest || position.epoch !== channel.epoch) return refused(refusal);
    const found = isWanted ? publications.find(isWanted) : newest;
    return { isRecovered: true, publications: found ? [found] : [], offset: newest.offset };
  }

  /** Without keys, the newest publication is all that the reader needs. */
  async #readNewestWithoutKeys(
    channel: Channel,
    refusal: Pick<Refused, "cause" | "reason">,
  ): Promise<Recovered> {
    const newest = await this.#readNewest(channel, refusal);
    const hasKey = newest.isRecovered && newest.publications[0]?.key !== undefined;
    return hasKey ? refused(refusal) : newest;
  }

  async #readOn(channel: Channel): Promise<void> {
    const page = await this.#options.logReader.read(channel, channel.head);
    if (page.isComplete) this.#options.delivery.appendFromLog(channel, page.publications, page.epoch);
    // What this node lacks is gone: its position is as old, and readers must not be told of it.
    else await this.repair(channel);
  }
}

type Refused = Extract<Recovered, { isRecovered: false }>;

const startedAfresh = refused({ cause: "epoch", reason: "the channel's log has started afresh" });
const notKept = refused({ cause: "unkept", reason: "nothing is kept of this channel" });

/** An empty epoch stands for the current one. */
function isOfOther(channel: Channel, { epoch }: Position): boolean {
  return epoch !== "" && epoch !== channel.epoch;
}

function refused({ cause, reason }: Pick<Refused, "cause" | "reason">): Refused {
  return { isRecovered: false, cause, reason };
}

function recovered(channel: Channel, missed: readonly Publication[], offset: number): Recovered {
  return {
    isRecovered: true,
    publications: conflate(channel, missed),
    offset: missed.at(-1)?.offset ?? offset,
  };
}
