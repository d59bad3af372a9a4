/**
 * What readers get: the entries between their cursors and the heads of their channels, from the ring, or from the log where the
 * ring has moved on. When they are served is the scheduler's (turns.ts).
 */
import type { Publication } from "../wire/messages.js";
import { type Batch, batchOfNewest } from "./batches.js";
import type { Channel, Subscription } from "./channel.js";
import type { LogPage, LogReader } from "./log-reader.js";
import { type TurnOptions, Turns } from "./turns.js";

export interface DeliveryOptions extends TurnOptions {
  readonly logReader: LogReader;
}

export class Delivery extends Turns {
  readonly #logReader: LogReader;
  readonly #onError: DeliveryOptions["onError"];
  /** Channels whose batches were built in this turn. */
  #batched: Channel[] = [];
  #lastReported: unknown;

  constructor({ logReader, ...options }: DeliveryOptions) {
    super(options);
    this.#logReader = logReader;
    this.#onError = options.onError;
  }

  /** The channel's log was read; what events have not brought yet goes to everybody. */
  learn(channel: Channel, publications: readonly Publication[], epoch: string): void {
    const added = channel.learn(publications, epoch);
    if (added > 0) this.markDirty(channel, added);
  }

  /** One reader's trouble must not keep the others from theirs. */
  protected deliver(subscription: Subscription): void {
    try {
      this.#deliver(subscription);
    } catch (error) {
      this.#giveUp(subscription, error);
    }
  }

  /** Batches are for the readers of one turn; kept any longer, those of a quiet channel would stay for good. */
  protected endTurn(): void {
    if (this.#batched.length === 0) return;
    for (const channel of this.#batched) channel.batches.clear();
    this.#batched = [];
  }

  #deliver(subscription: Subscription): void {
    if (!subscription.isBehind || !subscription.isFollowing) return;
    const { channel, reader, cursor } = subscription;
    if (!reader.isReady) return;
    if (cursor < channel.ring.first) {
      this.#catchUp(subscription);
      return;
    }
    if (channel.batches.isEmpty) this.#batched.push(channel);
    this.#take(subscription, channel.batches.get(cursor, subscription.view, reader.encoding));
  }

  #take(subscription: Subscription, { framed, cursor, offset, hasPublication }: Batch): void {
    const { reader } = subscription;
    subscription.advance(cursor, offset, hasPublication);
    if (framed) reader.push(framed);
    if (subscription.isBehind) this.resume(reader);
  }

  /** The ring has moved on past the subscription's cursor. */
  #catchUp(subscription: Subscription): void {
    const { channel, reader } = subscription;
    const { newest } = channel;
    if (newest === undefined || subscription.offset < newest.from) {
      this.#readLog(subscription);
      return;
    }
    this.#take(subscription, batchOfNewest(channel, newest, subscription, reader.encoding));
  }

  #readLog(subscription: Subscription): void {
    const { channel, reader } = subscription;
    subscription.startReading();
    this.#logReader.read(channel, subscription.offset).then(
      (page) => {
        subscription.stopReading();
        if (!subscription.isEnded) this.#takePageSafely(subscription, page);
      },
      (error: unknown) => {
        subscription.stopReading();
        this.#reportOnce(error, `reading the log of ${channel.name}`);
        if (!subscription.isEnded) reader.onGap(subscription);
      },
    );
  }

  #takePageSafely(subscription: Subscription, page: LogPage): void {
    try {
      this.#takePage(subscription, page);
    } catch (error) {
      this.#giveUp(subscription, error);
    }
  }

  #takePage(subscription: Subscription, page: LogPage): void {
    const { channel, reader } = subscription;
    if (!page.isComplete || page.epoch !== channel.epoch) {
      reader.onGap(subscription);
      return;
    }
    this.learn(channel, page.publications, page.epoch);
    // A reader that has filled up since then reads again from the same place once it drains.
    if (!reader.isReady) return;
    const { offset } = page.publications.at(-1) ?? subscription;
    const framed = page.framedFor(reader.encoding, subscription.view);
    if (framed) reader.push(framed);
    subscription.advance(channel.cursorAfter(offset), offset, page.publications.length > 0);
    if (subscription.isBehind) this.resume(reader);
  }

  #giveUp(subscription: Subscription, error: unknown): void {
    this.#onError(error, { stage: `delivering ${subscription.channel.name}` });
    subscription.reader.onGap(subscription);
  }

  /** Readers that share a read share its failure. */
  #reportOnce(error: unknown, stage: string): void {
    if (error === this.#lastReported) return;
    this.#lastReported = error;
    this.#onError(error, { stage });
  }
}
