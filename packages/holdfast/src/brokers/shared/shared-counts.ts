/**
 * Counts that the processes of a store share, kept by its owner. What a follower has taken is given back when its connection ends. The owner's
 * own process ends with its counts, so what it has taken needs no list.
 */

/** What a follower has taken, by key; undefined for the owner's own process. */
export type TakenCounts = Map<string, number> | undefined;

export class SharedCounts {
  readonly #totals = new Map<string, number>();

  /** @returns whether the count has not reached the maximum, and was increased */
  take(taken: TakenCounts, key: string, max: number): boolean {
    if ((this.#totals.get(key) ?? 0) >= max) return false;
    change(this.#totals, key, 1);
    if (taken) change(taken, key, 1);
    return true;
  }

  release(taken: TakenCounts, key: string): void {
    if (taken?.has(key) === false) return;
    change(this.#totals, key, -1);
    if (taken) change(taken, key, -1);
  }

  /** Adds what a process had taken from an earlier owner. */
  restore(taken: TakenCounts, counts: Iterable<readonly [key: string, count: number]>): void {
    for (const [key, count] of counts) {
      change(this.#totals, key, count);
      if (taken) change(taken, key, count);
    }
  }

  /** Gives everything back. */
  drop(taken: Map<string, number>): void {
    for (const [key, count] of taken) change(this.#totals, key, -count);
    taken.clear();
  }
}

export function change(counts: Map<string, number>, key: string, by: number): void {
  const count = (counts.get(key) ?? 0) + by;
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
