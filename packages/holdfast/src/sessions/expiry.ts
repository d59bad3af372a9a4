/** The end of what a token has granted: a connection, or one subscription. */
import type { Clock } from "../time/clock.js";
import type { DeadlineHolder, Deadlines } from "../time/deadlines.js";

/** A client that refreshes its token at the last moment is given this long. */
export const expiryGraceMs = 25_000;

export class Expiry implements DeadlineHolder {
  dueTick = 0;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #onExpired: () => void;

  constructor(context: { readonly deadlines: Deadlines; readonly clock: Clock }, onExpired: () => void) {
    this.#deadlines = context.deadlines;
    this.#clock = context.clock;
    this.#onExpired = onExpired;
  }

  /** @param expiresAt Unix milliseconds; undefined for never */
  set(expiresAt: number | undefined): void {
    if (expiresAt === undefined) this.stop();
    else this.#deadlines.set(this, expiresAt - this.#clock.now() + expiryGraceMs);
  }

  stop(): void {
    this.#deadlines.clear(this);
  }

  onDeadline(): void {
    this.#onExpired();
  }
}

/** As clients are told: whole seconds, at least one. */
export function secondsUntil(expiresAt: number | undefined, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));
}
