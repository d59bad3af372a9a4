/**
 * A reader that waits for what comes next in a channel, once: the first batch, or the end of its time. To the delivery it is
 * a reader like any other, so those that wait at one place share their bytes, and are released in slices.
 */
import type { Channel } from "../channels/channel.js";
import type { Encoding, Framed, Reader } from "../channels/reader.js";
import type { Subscription } from "../channels/subscription.js";
import type { DeadlineHolder } from "../time/deadlines.js";
import type { Position } from "../wire/messages.js";
import type { SessionContext } from "./context.js";

/** What has come, framed, and where the reader stands then. Nothing: the time is over, or what came is to be read anew. */
export interface WaitOutcome {
  readonly bytes?: Uint8Array;
  readonly position: Position;
}

export interface WaitingReaderOptions {
  readonly context: Pick<SessionContext, "channels" | "deadlines" | "delivery">;
  readonly encoding: Encoding;
  readonly waitMs: number;
  /** Called once, unless it is stopped. MUST NOT throw. */
  readonly onEnd: (outcome: WaitOutcome) => void;
}

export class WaitingReader implements Reader, DeadlineHolder {
  dueTick = 0;
  readonly encoding: Encoding;
  readonly #options: WaitingReaderOptions;
  #subscription: Subscription | undefined;
  #position: Position = { epoch: "", offset: 0 };
  #bytes: Uint8Array | undefined;
  #isTouched = false;
  #isStopped = false;

  constructor(options: WaitingReaderOptions) {
    this.encoding = options.encoding;
    this.#options = options;
  }

  /**
   * Waits from here on. @param channel held by the caller
   * @returns false where it was stopped before
   */
  start(channel: Channel, offset: number): boolean {
    if (this.#isStopped) return false;
    const { channels, deadlines, delivery } = this.#options.context;
    this.#position = { epoch: channel.epoch, offset };
    this.#subscription = channels.subscribe(channel, this, { offset });
    deadlines.set(this, this.#options.waitMs);
    if (this.#subscription.cursor !== channel.ring.next) delivery.resume(this);
    return true;
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#isStopped = true;
    const { channels, deadlines } = this.#options.context;
    deadlines.clear(this);
    if (this.#subscription) channels.unsubscribe(this.#subscription);
    this.#subscription = undefined;
  }

  /** Its time is over. */
  end(): void {
    if (this.#isStopped) return;
    const bytes = this.#bytes;
    // Only now is it known where a page of the log has ended.
    const position = bytes && this.#subscription ? placeOf(this.#subscription) : this.#position;
    this.stop();
    this.#options.onEnd({ position, ...(bytes && { bytes }) });
  }

  get isReady(): boolean {
    return !this.#isStopped && this.#bytes === undefined;
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscription ? [this.#subscription] : [];
  }

  push({ bytes }: Framed): void {
    if (!this.isReady) return;
    this.#bytes = bytes;
    this.#touch();
  }

  flush(): void {
    this.end();
  }

  /** Who comes back to the same place is told what has become of it. */
  lose(): void {
    this.#bytes = undefined;
    this.end();
  }

  /** Many may have come together, and so are released in slices, too. */
  onDeadline(): void {
    this.#touch();
  }

  #touch(): void {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#options.context.delivery.touch(this);
  }
}

function placeOf({ channel, offset }: Subscription): Position {
  return { epoch: channel.epoch, offset };
}
