/** When publications are due that come at a steady rate, and whether a server keeps up with them. */

export interface Schedule {
  readonly perSecond: number;
  /** Publications, those of the warm-up included. */
  readonly count: number;
  /** The first ones, which don't count. */
  readonly warmUpCount: number;
  readonly startMs: number;
  /** @param index from 0 */
  timeOf(index: number): number;
}

/** When so much is outstanding at the end, the server has fallen behind: this part of the run, or so many seconds. */
const behindPart = 0.1;
const behindSeconds = 0.5;
/** When so much is outstanding at any time, it will not catch up. */
const hopelessSeconds = 2;

export function scheduleOf(given: {
  readonly startMs: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}): Schedule {
  const { startMs, perSecond, seconds, warmUpSeconds } = given;
  const warmUpCount = Math.ceil(warmUpSeconds * perSecond);
  return {
    perSecond,
    startMs,
    warmUpCount,
    count: warmUpCount + Math.ceil(seconds * perSecond),
    timeOf: (index) => startMs + (index * 1000) / perSecond,
  };
}

/** How many publications are due at the time. */
export function dueBy({ startMs, perSecond, count }: Schedule, nowMs: number): number {
  if (nowMs < startMs) return 0;
  return Math.min(count, Math.floor(((nowMs - startMs) * perSecond) / 1000) + 1);
}

/** @param outstanding publications that have not reached everybody */
export function outcomeOf(
  { perSecond, count }: Schedule,
  outstanding: number,
): "kept up" | "fell behind" | "hopeless" {
  const seconds = outstanding / perSecond;
  if (seconds > hopelessSeconds) return "hopeless";
  return seconds > Math.min(behindSeconds, (behindPart * count) / perSecond) ? "fell behind" : "kept up";
}
