/** Random numbers from a seed, so that a run can be had again. */

/** Mulberry32. @returns numbers from 0 to below 1 */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** When the next event comes of those that come at random, and on average after so long. */
export function exponential(random: () => number, mean: number): number {
  return -Math.log(1 - random()) * mean;
}
