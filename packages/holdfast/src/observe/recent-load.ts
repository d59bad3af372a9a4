/** What a node did lately: a sample every two seconds for a quarter of an hour, as numbers in a ring, which charts begin with. */
import type { LoadSample } from "../channels/cluster.js";
import type { Meters } from "./meters.js";

export const sampleIntervalMs = 2000;
const maxSamples = 450;

const fields = [
  "at",
  "connections",
  "subscriptions",
  "published",
  "delivered",
  "receivedBytes",
  "sentBytes",
  "behind",
  "loopLagMs",
] as const satisfies readonly (keyof LoadSample)[];

export class RecentLoad {
  /** A row of numbers for each sample. */
  readonly #numbers: Float64Array;
  readonly #max: number;
  #next = 0;
  #count = 0;

  constructor(max = maxSamples) {
    this.#max = max;
    this.#numbers = new Float64Array(max * fields.length);
  }

  add(sample: LoadSample): void {
    for (const [i, field] of fields.entries()) this.#numbers[this.#next * fields.length + i] = sample[field];
    this.#next = (this.#next + 1) % this.#max;
    this.#count = Math.min(this.#count + 1, this.#max);
  }

  /** Oldest first. @param time Unix milliseconds; samples at that time and before are left out */
  after(time: number): readonly LoadSample[] {
    const rows = Array.from(
      { length: this.#count },
      (_, i) => (this.#next - this.#count + i + this.#max) % this.#max,
    );
    return rows.map((row) => this.#sampleOf(row)).filter(({ at }) => at > time);
  }

  #sampleOf(row: number): LoadSample {
    const start = row * fields.length;
    return Object.fromEntries(
      fields.map((field, i) => [field, this.#numbers[start + i] as number]),
    ) as unknown as LoadSample;
  }
}

/** What the meters count together, as part of a sample. */
export function sumsOf(meters: Meters): Omit<LoadSample, "at" | "behind" | "loopLagMs"> {
  const sums = {
    connections: 0,
    subscriptions: 0,
    published: 0,
    delivered: 0,
    receivedBytes: 0,
    sentBytes: 0,
  };
  for (const { open, receivedBytes, sentBytes } of meters.connections) {
    sums.connections += open;
    sums.receivedBytes += receivedBytes;
    sums.sentBytes += sentBytes;
  }
  for (const { subscriptions, published, delivered } of meters.patterns) {
    sums.subscriptions += subscriptions;
    sums.published += published;
    sums.delivered += delivered;
  }
  return sums;
}
