/** What the two maps of the leaderboard hold, by the ids of users, and their bounds. Runs in the page, too. */
import type { Pace } from "./round-plan.js";

/** The best round of somebody: a row of the table. */
export interface BestRow {
  readonly name: string;
  readonly points: number;
  readonly pace: Pace;
  /** Unix milliseconds, by the clock of the server. Of equal points the earlier are above. */
  readonly at: number;
}

/** The round that somebody plays now. */
export type PlayingRow = BestRow;

export const bestMap = "leaderboard:today";
export const playingMap = "leaderboard:playing";
/** Rows of the table. When all are taken, the lowest makes place for a better one. */
export const maxRows = 500;
/** Rounds at a time. */
export const maxPlaying = 200;
