/** Counts that the processes of a store share, kept by its owner. What a process has taken is given back when its connection ends. */

/** What one process has taken, by key. */
export type TakenCounts = Map<string, number>;

export class SharedCounts {
  readonly #totals = new Map<string, number>();

  /** @returns whether the count has not reached the maximum, and was increased */
  take(taken: TakenCounts, key: string, max: number): boolean {
    if ((this.#totals.get(key) ?? 0) >= max) return false;
    change(this.#totals, key, 1);
    change(taken, key, 1);
    return true;
  }

  release(taken: TakenCounts, key: string): void {
    if (!taken.has(key)) return;
    change(this.#totals, key, -1);
    change(taken, key, -1);
  }

  /** Adds what a process had taken from an earlier owner. */
  restore(taken: TakenCounts, counts: Iterable<readonly [key: string, count: number]>): void {
    for (const [key, count] of counts) {
      change(this.#totals, key, count);
      change(taken, key, count);
    }
  }

  /** Gives everything back. */
  drop(taken: TakenCounts): void {
    for (const [key, count] of taken) change(this.#totals, key, -count);
    taken.clear();
  }
}

export function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
