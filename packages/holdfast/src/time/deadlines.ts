/** Many deadlines on one timer, and ticks that count time for aging. */
import type { Clock } from "./clock.js";

/** Something with at most one deadline at a time. */
export interface DeadlineHolder {
  /** Managed by `Deadlines`: the tick at which the holder is due, 0 for none. */
  dueTick: number;
  /** @param asOf time, by the clock's `elapsed`, up to which all input was read */
  onDeadline(asOf: number): void;
}

const tickMs = 500;

/**
 * Each holder has at most one deadline, which fires at the first tick after it, so setting and moving one costs no timer. A deadline
 * fires only if it passed before input was last read (the clock's `asOf`), so that a process that was stopped or busy reads its
 * input before it terminates anybody.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #onError: (error: unknown, context: { readonly stage: string }) => void;
  readonly #holders = new Map<number, Set<DeadlineHolder>>();
  #lastTick: number;
  #cancelTimer: (() => void) | undefined;

  constructor(clock: Clock, onError: (error: unknown, context: { readonly stage: string }) => void) {
    this.#clock = clock;
    this.#onError = onError;
    this.#lastTick = this.#currentTick();
  }

  get count(): number {
    let count = 0;
    for (const holders of this.#holders.values()) count += holders.size;
    return count;
  }

  get hasTimer(): boolean {
    return this.#cancelTimer !== undefined;
  }

  /** Sets the holder's deadline, replacing any other. */
  set(holder: DeadlineHolder, delayMs: number): void {
    this.clear(holder);
    const tick = Math.max(this.#lastTick + 1, Math.ceil((this.#clock.elapsed() + delayMs) / tickMs));
    holder.dueTick = tick;
    const holders = this.#holders.get(tick);
    if (holders) holders.add(holder);
    else this.#holders.set(tick, new Set([holder]));
    this.#wake();
  }

  clear(holder: DeadlineHolder): void {
    const tick = holder.dueTick;
    const holders = this.#holders.get(tick);
    holder.dueTick = 0;
    if (!holders?.delete(holder) || holders.size > 0) return;
    this.#holders.delete(tick);
    if (this.#holders.size === 0) this.#sleep();
  }

  #fire(holder: DeadlineHolder, asOf: number): void {
    try {
      holder.onDeadline(asOf);
    } catch (error) {
      this.#onError(error, { stage: "running a deadline" });
    }
  }

  #currentTick(elapsed = this.#clock.elapsed()): number {
    return Math.floor(elapsed / tickMs);
  }

  #wake(): void {
    if (this.#cancelTimer !== undefined) return;
    this.#lastTick = Math.max(this.#lastTick, this.#currentTick());
    this.#cancelTimer = this.#clock.setTimer((asOf) => this.#tick(asOf), tickMs);
  }

  #sleep(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #tick(asOf: number): void {
    this.#cancelTimer = undefined;
    const now = this.#currentTick(asOf);
    // Only ticks with deadlines are visited, however long the process was busy.
    const due = [...this.#holders.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
    this.#lastTick = Math.max(this.#lastTick, now);
    for (const tick of due) {
      const holders = this.#holders.get(tick);
      this.#holders.delete(tick);
      for (const holder of holders ?? []) {
        // An earlier deadline may have cleared or moved this one.
        if (holder.dueTick !== tick) continue;
        holder.dueTick = 0;
        this.#fire(holder, asOf);
      }
    }
    if (this.#holders.size > 0) this.#wake();
  }
}

export interface TicksOptions {
  readonly clock: Clock;
  readonly tickMs: number;
  /** @returns whether there is still something to watch; otherwise ticks stop */
  readonly onTick: () => boolean;
}

/** Longest interval between ticks. */
const maxTickMs = 1000;

/** The tick length for limits of these durations. */
export function tickFor(...timesMs: readonly number[]): number {
  return Math.max(1, Math.min(maxTickMs, ...timesMs.map((timeMs) => Math.floor(timeMs / 4))));
}

/**
 * Calls back at an even pace while there is something to watch, whose age is counted in ticks: however long the process stood
 * still counts as one tick.
 */
export class Ticks {
  readonly #options: TicksOptions;
  #isRunning = false;

  constructor(options: TicksOptions) {
    this.#options = options;
  }

  /** Starts ticking, unless it has started. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#wait();
  }

  #wait(): void {
    const { clock, tickMs, onTick } = this.#options;
    clock.setTimer(() => {
      if (onTick()) this.#wait();
      else this.#isRunning = false;
    }, tickMs);
  }
}
