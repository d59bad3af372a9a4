/** When messages are due: at a steady rate, half a step away from either end of the window, and some before it. */

export interface Schedule {
  /** Of all messages. */
  readonly count: number;
  /** How many are due before the window begins. */
  readonly warmUpCount: number;
  /** @param sequence from 1 @returns when it is due, on the clock that the window's start was given by */
  timeOf(sequence: number): number;
  /** How many are due by then. */
  dueBy(nowMs: number): number;
}

export interface ScheduleOptions {
  readonly ratePerSecond: number;
  /** When the window begins. */
  readonly windowStartMs: number;
  readonly durationMs: number;
  /** How long before the window messages begin. */
  readonly warmUpMs: number;
}

export function createSchedule({
  ratePerSecond,
  windowStartMs,
  durationMs,
  warmUpMs,
}: ScheduleOptions): Schedule {
  const stepMs = 1000 / ratePerSecond;
  // What divides evenly must not lose its last message to rounding.
  const whole = (ms: number) => Math.floor(ms / stepMs + 1e-6);
  const warmUpCount = whole(warmUpMs);
  const count = warmUpCount + whole(durationMs);
  const firstMs = windowStartMs + stepMs / 2 - warmUpCount * stepMs;
  return {
    count,
    warmUpCount,
    timeOf: (sequence) => firstMs + (sequence - 1) * stepMs,
    dueBy: (nowMs) => Math.min(count, Math.max(0, Math.floor((nowMs - firstMs) / stepMs) + 1)),
  };
}
