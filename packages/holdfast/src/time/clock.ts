/**
 * Time for layers without a platform: the clock as a contract, timers that come due only after sockets were read, the lag of the event
 * loop, and durations as people write them.
 */

/** Tests use a clock that they advance by hand. */
export interface Clock {
  /** Unix milliseconds by the system clock, which may be set back. */
  now(): number;
  /** Monotonic milliseconds: for deadlines, leases and rates. */
  elapsed(): number;
  /**
   * Calls back once after the delay; returns a function that cancels it. A pending timer does not keep the process alive. `asOf` is
   * the time, by `elapsed`, up to which all input has been read: what was due by then is overdue.
   */
  setTimer(callback: (asOf: number) => void, delayMs: number): () => void;
}

/** A timer that fires later than this is late. */
const toleratedMs = 200;
/**
 * How long a late timer waits for input: a round trip, and many turns of reading. Node.js runs timers before it reads sockets, so
 * input may seem late that has arrived long ago or is on its way.
 */
export const lateGraceMs = 500;

/**
 * A clock whose timers fire only after all arrived input was read. A process that was stopped or busy finds its timers due before
 * it has read its sockets, and would terminate peers whose answers wait there. So every timer, even if on time, waits until the
 * sockets have been read once more; a late one waits `lateGraceMs` longer, since what was to be sent before the pause may only have
 * gone out now. Once per timer, so that a process that is always late still meets its deadlines.
 * @param afterReading calls back once all input that has arrived was read; returns a function that cancels it
 */
export function readingFirst(clock: Clock, afterReading: (run: () => void) => () => void): Clock {
  return {
    now: () => clock.now(),
    elapsed: () => clock.elapsed(),
    setTimer(callback, delayMs) {
      const dueAt = clock.elapsed() + delayMs;
      let cancel = clock.setTimer(() => {
        const seenAt = clock.elapsed();
        const fireAfterReading = () => {
          cancel = afterReading(() => callback(seenAt));
        };
        if (seenAt - dueAt <= toleratedMs) fireAfterReading();
        else cancel = clock.setTimer(fireAfterReading, lateGraceMs);
      }, delayMs);
      return () => cancel();
    },
  };
}

/** Between measurements of the lag. */
const lagIntervalMs = 100;
/** Measurements that nobody asked for, after which measuring stops. */
const maxUnasked = 10;

/**
 * The lag of the event loop: how long a due timer waited for its turn. Measured ten times a second while somebody asks for it; a
 * past lag fades within a second.
 */
export class LoopLag {
  readonly #clock: Clock;
  #lagMs = 0;
  #isMeasuring = false;
  #unasked = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Milliseconds; 0 if it was not asked for recently. */
  get lagMs(): number {
    this.#unasked = 0;
    if (!this.#isMeasuring) this.#measure();
    return this.#lagMs;
  }

  #measure(): void {
    this.#isMeasuring = true;
    const dueAt = this.#clock.elapsed() + lagIntervalMs;
    this.#clock.setTimer((asOf) => {
      this.#lagMs = Math.max(asOf - dueAt, this.#lagMs / 2);
      if (this.#unasked++ < maxUnasked) this.#measure();
      else {
        this.#isMeasuring = false;
        this.#lagMs = 0;
      }
    }, lagIntervalMs);
  }
}

/** As people write it: `7d`, `12h`, `30m`, `45s`, `250ms`, or a number of milliseconds. */
export type Duration = number | `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const maxDurationMs = 365 * units.d;

/** For messages: what is accepted. */
export const durationAdvice = "a number of milliseconds or a text such as 30s, 12h or 7d, of at most a year";

/** @returns milliseconds, or undefined if the value is not a duration */
export function parseDuration(value: unknown): number | undefined {
  const ms = typeof value === "string" ? fromText(value) : value;
  return typeof ms === "number" && Number.isSafeInteger(ms) && ms >= 0 && ms <= maxDurationMs
    ? ms
    : undefined;
}

function fromText(text: string): number | undefined {
  const found = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  return found ? Number(found[1]) * units[found[2] as keyof typeof units] : undefined;
}
