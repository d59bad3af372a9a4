/**
 * What drifts by in a round, and when: made from a number that the server draws, so that the page shows what the server
 * knows to be there. Runs in the page, too.
 */
import { createRandom } from "@holdfast/lab/load";

export const drifterKinds = ["shell", "star", "pearl", "jelly"] as const;
export type DrifterKind = (typeof drifterKinds)[number];

/** Something in the water. Times are milliseconds from the beginning of the round. */
export interface Drifter {
  readonly id: number;
  readonly kind: DrifterKind;
  readonly lane: number;
  readonly appearsAt: number;
  readonly lastsMs: number;
}

/** Slow water gives twice the time for everything. */
export const paces = ["brisk", "slow"] as const;
export type Pace = (typeof paces)[number];

/** A catch, and when it was, in milliseconds from the beginning of the round. */
export interface Catch {
  readonly id: number;
  readonly at: number;
}

export const laneCount = 4;
/** What a catch is worth. A jellyfish is not to be caught. */
export const pointsOf: Readonly<Record<DrifterKind, number>> = { shell: 1, star: 3, pearl: 5, jelly: 0 };
/** No hand catches two things in less. */
export const leastGapMs = 80;
/** A round that is over still takes what was caught in it, as after a line that was cut. */
export const graceMs = 15_000;

/** The same in every round, so that none is better than another. */
const shoal: Readonly<Record<DrifterKind, number>> = { shell: 12, star: 7, pearl: 3, jelly: 6 };
const briskMs = 20_000;
const lastsMs: Readonly<Record<DrifterKind, number>> = { shell: 4000, star: 3600, pearl: 2600, jelly: 4000 };
const slowness: Readonly<Record<Pace, number>> = { brisk: 1, slow: 2 };

export function roundMs(pace: Pace): number {
  return briskMs * slowness[pace];
}

export function planRound(seed: number, pace: Pace): readonly Drifter[] {
  const random = createRandom(seed);
  const kinds = drifterKinds.flatMap((kind) => new Array<DrifterKind>(shoal[kind]).fill(kind));
  shuffle(kinds, random);
  // The last may still be caught for as long as any other.
  const everyMs = (briskMs - lastsMs.shell) / kinds.length;
  let lane = 0;
  return kinds.map((kind, id) => {
    // Never the lane of the one before, so that two do not lie upon each other.
    lane = (lane + 1 + Math.floor(random() * (laneCount - 1))) % laneCount;
    const appearsAt = Math.floor(everyMs * (id + random() * 0.6));
    const slow = slowness[pace];
    return { id, kind, lane, appearsAt: appearsAt * slow, lastsMs: lastsMs[kind] * slow };
  });
}

export function isInWater({ appearsAt, lastsMs: lasts }: Drifter, at: number): boolean {
  return at >= appearsAt && at <= appearsAt + lasts;
}

function shuffle<Item>(items: Item[], random: () => number): void {
  for (let last = items.length - 1; last > 0; last--) {
    const other = Math.floor(random() * (last + 1));
    [items[last], items[other]] = [items[other] as Item, items[last] as Item];
  }
}

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
