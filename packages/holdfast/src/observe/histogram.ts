/** Distributions of durations: fixed buckets, plain numbers, no allocation when one is observed. */

/** Upper bounds of buckets in seconds, as the reference server has them for durations that peers see. */
export const durationBounds: readonly number[] = Object.freeze([
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
]);

/** What was observed so far. Plain data, so that it can be sent to another process. */
export interface Distribution {
  /** Observations of each bucket alone, not of those below it, too; one more than `bounds` for those above all. */
  readonly counts: readonly number[];
  readonly sum: number;
}

export class Histogram {
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[] = durationBounds) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  observe(seconds: number): void {
    const { bounds } = this;
    let i = 0;
    while (i < bounds.length && seconds > (bounds[i] as number)) i++;
    (this.#counts[i] as number)++;
    this.#sum += seconds;
  }

  observeMs(milliseconds: number): void {
    this.observe(milliseconds / 1000);
  }

  get distribution(): Distribution {
    return { counts: [...this.#counts], sum: this.#sum };
  }
}
