/**
 * Latencies by their percentiles, without keeping each of them. As in HdrHistogram, buckets grow with what they hold: a
 * percentile is never too low, and too high by less than 1 %.
 */

/** Each power of two has so many buckets. */
const bucketsPerDoubling = 128;
const bits = Math.log2(bucketsPerDoubling);
const mostMicros = 2 ** 31 - 1;

export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly mostMs: number;
}

export class LatencyHistogram {
  readonly #counts = new Float64Array(indexOf(mostMicros) + 1);
  #count = 0;
  #mostMicros = 0;

  get count(): number {
    return this.#count;
  }

  /** @param times how many had it */
  record(milliseconds: number, times = 1): void {
    const micros = Math.min(mostMicros, Math.max(0, Math.round(milliseconds * 1000)));
    const index = indexOf(micros);
    this.#counts[index] = (this.#counts[index] as number) + times;
    this.#count += times;
    if (micros > this.#mostMicros) this.#mostMicros = micros;
  }

  clear(): void {
    this.#counts.fill(0);
    this.#count = 0;
    this.#mostMicros = 0;
  }

  /** @param percentile from 0 to 100 @returns milliseconds that so many percent did not exceed; NaN when there are none */
  percentileMs(percentile: number): number {
    if (this.#count === 0) return Number.NaN;
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
      p99Ms: this.percentileMs(99),
      p999Ms: this.percentileMs(99.9),
      mostMs: this.#count === 0 ? Number.NaN : this.#mostMicros / 1000,
    };
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
