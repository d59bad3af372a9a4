/**
 * Latencies without keeping each of them. As in HdrHistogram, buckets grow with what they hold: a percentile is never too
 * low, and too high by less than 1 %.
 */
import type { LatencyBucket, LatencySummary } from "./report/index.js";

/** Each power of two has so many buckets. */
const bucketsPerDoubling = 128;
const bits = Math.log2(bucketsPerDoubling);
const mostMicros = 2 ** 31 - 1;
/** Buckets that are drawn are wider: six to each doubling. */
const drawnPerDoubling = 6;

export class LatencyHistogram {
  readonly #counts = new Float64Array(indexOf(mostMicros) + 1);
  #count = 0;
  #mostMicros = 0;

  get count(): number {
    return this.#count;
  }

  record(milliseconds: number): void {
    const micros = Math.min(mostMicros, Math.max(0, Math.round(milliseconds * 1000)));
    const index = indexOf(micros);
    this.#counts[index] = (this.#counts[index] as number) + 1;
    this.#count++;
    if (micros > this.#mostMicros) this.#mostMicros = micros;
  }

  /** @param percentile from 0 to 100 @returns milliseconds that so many percent did not exceed; null when there are none */
  percentileMs(percentile: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.max(1, Math.ceil((percentile / 100) * this.#count));
    let seen = 0;
    for (let index = 0; index < this.#counts.length; index++) {
      seen += this.#counts[index] as number;
      if (seen >= rank) return Math.min(mostMicrosIn(index), this.#mostMicros) / 1000;
    }
    return this.#mostMicros / 1000;
  }

  summary(): LatencySummary {
    return {
      count: this.#count,
      p50Ms: this.percentileMs(50),
      p90Ms: this.percentileMs(90),
      p99Ms: this.percentileMs(99),
      maxMs: this.#count === 0 ? null : this.#mostMicros / 1000,
      buckets: this.#drawnBuckets(),
    };
  }

  #drawnBuckets(): LatencyBucket[] {
    const drawn = new Map<number, number>();
    for (const [index, count] of this.#counts.entries()) {
      if (count === 0) continue;
      // Below a microsecond there is nothing to tell apart.
      const wide = Math.floor(Math.log2(Math.max(1, mostMicrosIn(index))) * drawnPerDoubling);
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

function mostMicrosIn(index: number): number {
  const shift = Math.max(0, Math.floor(index / bucketsPerDoubling) - 1);
  return (index - shift * bucketsPerDoubling + 1) * 2 ** shift - 1;
}
