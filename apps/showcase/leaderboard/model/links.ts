/** What the game needs of the line, of time, and of chance. */
import type { Catch, Pace } from "../server/round-plan.js";
import type { BegunRound, Standing } from "../server/rounds.js";

export interface GameLink {
  begin(pace: Pace): Promise<BegunRound>;
  report(round: string, catches: readonly Catch[]): Promise<Standing>;
  end(round: string): Promise<Standing>;
}

/** Runs a task after a delay; returns what calls it off. */
export type Later = (delayMs: number, task: () => void) => () => void;

export interface Time {
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  readonly later: Later;
}
