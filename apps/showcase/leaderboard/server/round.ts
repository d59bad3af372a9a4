/** A round as the server knows it: what is in the water when, what was caught of it, and which claims do not hold. */
import { reject } from "holdfast";
import {
  type Catch,
  type Drifter,
  graceMs,
  isInWater,
  leastGapMs,
  type Pace,
  planRound,
  pointsOf,
  roundMs,
} from "./round-plan.js";

export const unfairCode = 422;
export const overCode = 410;
/** Pages begin to count when they hear of the round, and so lag; their clocks may go a little faster. */
const clockToleranceMs = 250;

export interface RoundOptions {
  readonly id: string;
  readonly seed: number;
  readonly pace: Pace;
  /** Unix milliseconds. */
  readonly startedAt: number;
}

export class Round {
  readonly id: string;
  readonly seed: number;
  readonly pace: Pace;
  readonly startedAt: number;
  readonly #plan: readonly Drifter[];
  /** When each was caught, by its id. */
  readonly #caught = new Map<number, number>();
  #points = 0;

  constructor({ id, seed, pace, startedAt }: RoundOptions) {
    this.id = id;
    this.seed = seed;
    this.pace = pace;
    this.startedAt = startedAt;
    this.#plan = planRound(seed, pace);
  }

  get points(): number {
    return this.#points;
  }

  get caught(): number {
    return this.#caught.size;
  }

  /** Whether it takes no more catches. */
  isOver(now: number): boolean {
    return now - this.startedAt > roundMs(this.pace) + graceMs;
  }

  /**
   * Counts what was caught, all or nothing. What was told before counts once.
   * @returns whether there was anything new
   * @throws Rejection where a claim cannot be
   */
  take(catches: readonly Catch[], now: number): boolean {
    if (this.isOver(now)) reject(overCode, "this round is over");
    const elapsed = now - this.startedAt + clockToleranceMs;
    const fresh = new Map<number, number>();
    for (const { id, at } of catches) {
      if (this.#caught.has(id) || fresh.has(id)) continue;
      this.#assertFair(id, at, elapsed);
      for (const other of [...this.#caught.values(), ...fresh.values()])
        if (Math.abs(other - at) < leastGapMs)
          reject(
            unfairCode,
            `two catches ${Math.abs(other - at)} ms apart: no hand is faster than ${leastGapMs}`,
          );
      fresh.set(id, at);
    }
    for (const [id, at] of fresh) {
      this.#caught.set(id, at);
      this.#points += pointsOf[(this.#plan[id] as Drifter).kind];
    }
    return fresh.size > 0;
  }

  #assertFair(id: number, at: number, elapsed: number): void {
    const drifter = this.#plan[id] ?? reject(unfairCode, `there is no number ${id} in this round`);
    if (drifter.kind === "jelly") reject(unfairCode, "a jellyfish is no catch");
    if (at > elapsed) reject(unfairCode, "that is still to come");
    if (!isInWater(drifter, at)) reject(unfairCode, `number ${id} was not in the water then`);
  }
}
