/**
 * How fast a peer's input is read. Beyond its rate reading stops until what has come is paid off, so the peer is held up
 * by its own connection (RFC 9293 §3.8.6, the window) and meets no error.
 */
import type { Clock } from "./clock.js";
import { TokenBucket } from "./token-bucket.js";

/** What reads from the peer: it must read nothing while `isOver`. */
export interface InputOwner {
  /** What had come too fast is paid off. */
  inputCaughtUp(): void;
}

export interface InputRateOptions {
  readonly perSecond: number;
  /** What may come at once before the rate counts. */
  readonly burst: number;
  readonly clock: Clock;
}

/** After which it is looked at again, whatever is left to pay. */
const longestWaitMs = 60_000;

export class InputRate {
  readonly #owner: InputOwner;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  #cancel: (() => void) | undefined;
  #hasHeldUp = false;

  constructor(owner: InputOwner, { perSecond, burst, clock }: InputRateOptions) {
    this.#owner = owner;
    this.#clock = clock;
    this.#bucket = new TokenBucket(perSecond, burst, clock.elapsed());
  }

  /** Whether nothing should be read at the moment. */
  get isOver(): boolean {
    return this.#cancel !== undefined;
  }

  /** Whether reading was stopped since this was asked last, so that an answer may lie unread. */
  takeHasHeldUp(): boolean {
    const hasHeldUp = this.#hasHeldUp;
    this.#hasHeldUp = this.isOver;
    return hasHeldUp;
  }

  /** So many bytes have come; the last of them may be beyond the rate. */
  receive(bytes: number): void {
    const now = this.#clock.elapsed();
    if (this.#bucket.take(now, bytes) === "ok" || this.isOver) return;
    this.#hasHeldUp = true;
    this.#wait(now);
  }

  stop(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #wait(now: number): void {
    this.#cancel = this.#clock.setTimer(
      () => {
        this.#cancel = undefined;
        const later = this.#clock.elapsed();
        // More may have come meanwhile that had been read already.
        if (this.#bucket.waitMs(later) > 0) this.#wait(later);
        else this.#owner.inputCaughtUp();
      },
      Math.min(longestWaitMs, Math.max(1, Math.ceil(this.#bucket.waitMs(now)))),
    );
  }
}
