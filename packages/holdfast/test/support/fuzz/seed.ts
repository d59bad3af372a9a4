/**
 * Where fuzzing begins: the same in every run, so that a fault is found by whoever made it. With FUZZ_SEED=random, or a
 * number, elsewhere; the report of a failure names the seed.
 */
export function fuzzSeed(): number {
  const { FUZZ_SEED: given } = process.env;
  if (given === "random") return Math.floor(Math.random() * 0x7fff_ffff);
  return given === undefined ? 20_261_126 : Number(given);
}

/** Parameters of a property: bounded in runs and in time, of which a slow machine gets no more. */
export function fuzzRuns(numRuns: number, maxMs = 10_000) {
  return { numRuns, seed: fuzzSeed(), interruptAfterTimeLimit: maxMs, markInterruptAsFailure: false };
}
