/**
 * Sends clients elsewhere at a pace: each is told to reconnect, so many per second, so that the nodes that they come to are not asked
 * for everything at once. What is left when the time is over is told together.
 */
import type { Clock } from "../time/clock.js";
import { disconnect } from "../wire/codes.js";
import type { Session } from "./session.js";

export interface DrainOptions {
  /** Sessions that are open now; asked again each time. */
  readonly sessions: () => Iterable<Pick<Session, "close" | "isEnded">>;
  readonly perSecond: number;
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, "elapsed" | "setTimer">;
  /** From 0 up to 1; the steps are of uneven length. */
  readonly random: () => number;
  /** Whether to tell all that are left at once. @default never */
  readonly isHurried?: () => boolean;
}

const stepMs = 50;

/** Resolves when no session is left. */
export async function drainSessions(options: DrainOptions): Promise<void> {
  const { sessions, perSecond, timeoutMs, clock, random, isHurried } = options;
  const startedAt = clock.elapsed();
  let told = 0;
  for (;;) {
    const elapsedMs = clock.elapsed() - startedAt;
    const isLate = elapsedMs >= timeoutMs || isHurried?.() === true;
    // The first one is told at once.
    const due = isLate ? Number.POSITIVE_INFINITY : 1 + Math.floor((elapsedMs / 1000) * perSecond);
    let isEmpty = true;
    for (const session of sessions()) {
      if (told >= due) {
        isEmpty = false;
        break;
      }
      if (session.isEnded) continue;
      session.close(disconnect("shutdown"));
      told++;
    }
    if (isEmpty) return;
    const delayMs = Math.min(stepMs * (0.5 + random()), Math.max(1, timeoutMs - elapsedMs));
    await new Promise<void>((resolve) => void clock.setTimer(() => resolve(), delayMs));
  }
}
