/** The table as it is shown: the best of the day, with the rounds that are played now as if they were over. */
import type { BestRow, Pace, PlayingRow } from "../server/round-plan.js";

/** A key of a map, and its value. */
export interface Entry<Row> {
  readonly key: string;
  readonly data: Row;
}

export interface TableRow {
  readonly user: string;
  readonly name: string;
  readonly points: number;
  readonly pace: Pace;
  /** From 1. */
  readonly rank: number;
  readonly isOwn: boolean;
  /** Of the round that is played now; undefined where there is none. */
  readonly playing: number | undefined;
}

interface Candidate extends BestRow {
  readonly user: string;
  readonly playing: number | undefined;
}

export function rankRows(
  best: readonly Entry<BestRow>[],
  playing: readonly Entry<PlayingRow>[],
  me: string,
): readonly TableRow[] {
  const candidates = new Map<string, Candidate>();
  for (const { key, data } of best) candidates.set(key, { user: key, ...data, playing: undefined });
  for (const { key, data } of playing) {
    const before = candidates.get(key);
    const row = before && before.points >= data.points ? before : data;
    if (row.points > 0) candidates.set(key, { ...row, user: key, playing: data.points });
  }
  return [...candidates.values()].sort(compare).map(({ at: _, ...row }, index) => ({
    ...row,
    rank: index + 1,
    isOwn: row.user === me,
  }));
}

/** The first, and one's own wherever it is. */
export function shownRows(rows: readonly TableRow[], most: number): readonly TableRow[] {
  return rows.filter(({ rank, isOwn }) => rank <= most || isOwn);
}

/** The highest first; of equal points who had them earlier. */
function compare(a: Candidate, b: Candidate): number {
  return b.points - a.points || a.at - b.at || (a.user < b.user ? -1 : 1);
}

/** Who wants to hear of changes. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  clear(): void {
    this.#listeners.clear();
  }
}
