/**
 * Latencies without keeping each of them. As in HdrHistogram, buckets grow with what they hold: a percentile is never too
 * low, and too high by less than 1 %.
 */
import type { LatencyBucket, LatencySummary } from "../report/index.js";

/** Buckets for each power of two. */
const bucketsPerDoubling = 128;
const bits = Math.log2(bucketsPerDoubling);
const maxMicros = 2 ** 31 - 1;
/** Buckets that are drawn are wider: six to each doubling. */
const drawnPerDoubling = 6;

export class LatencyHistogram {
  readonly #counts = new Float64Array(indexOf(maxMicros) + 1);
  #count = 0;
  #maxMicros = 0;

  get count(): number {
    return this.#count;
  }

  /** @param times how many had it */
  record(milliseconds: number, times = 1): void {
    const micros = Math.min(maxMicros, Math.max(0, Math.round(milliseconds * 1000)));
    const index = indexOf(micros);
    this.#counts[index] = (this.#counts[index] as number) + times;
    this.#count += times;
    if (micros > this.#maxMicros) this.#maxMicros = micros;
  }

  /** @param percentile from 0 to 100 @returns milliseconds that this percentage did not exceed; null when there are none */
  percentileMs(percentile: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil((percentile / 100) * this.#count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] as number;
      if (seen >= rank) return Math.min(maxMicrosIn(index), this.#maxMicros) / 1000;
    }
    return this.#maxMicros / 1000;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: this.percentileMs(50),
      p90Ms: this.percentileMs(90),
      p99Ms: this.percentileMs(99),
      maxMs: this.#count === 0 ? null : this.#maxMicros / 1000,
      buckets: this.#drawnBuckets(),
    };
  }

  #drawnBuckets(): LatencyBucket[] {
    const drawn = new Map<number, number>();
    for (const [index, count] of this.#counts.entries()) {
      if (count === 0) continue;
      // Below a microsecond there is nothing to tell apart.
      const wide = Math.floor(Math.log2(Math.max(1, maxMicrosIn(index))) * drawnPerDoubling);
      drawn.set(wide, (drawn.get(wide) ?? 0) + count);
    }
    const edge = (wide: number) => 2 ** (wide / drawnPerDoubling) / 1000;
    return [...drawn].map(([wide, count]) => ({ fromMs: edge(wide), toMs: edge(wide + 1), count }));
  }
}

/** Below two doublings' worth of buckets, each value has its own. */
function indexOf(micros: number): number {
  const shift = Math.max(0, 31 - Math.clz32(micros) - bits);
  return shift * bucketsPerDoubling + (micros >>> shift);
}

function maxMicrosIn(index: number): number {
  const shift = Math.max(0, Math.floor(index / bucketsPerDoubling) - 1);
  return (index - shift * bucketsPerDoubling + 1) * 2 ** shift - 1;
}
