/**
 * The seed of everything random in the WebSocket tests. It changes from run to run, is part of the message of each
 * failure, and is given again with `HOLDFAST_TEST_SEED=<number>`.
 */
const given = process.env.HOLDFAST_TEST_SEED;

export const seed = given === undefined ? Math.floor(Math.random() * 0x7fffffff) : Number(given);

export const seedNote = `replay with HOLDFAST_TEST_SEED=${seed}`;

/** Mulberry32: numbers in [0, 1) that follow from the seed. */
export function createRandom(from = seed): () => number {
  let state = from | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}
