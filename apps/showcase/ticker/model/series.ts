/** Values over time as charts take them: the prices of a symbol, and the figures of this machine. */
import { keptSamples, type MachineSample, type SymbolHistory } from "../server/ticker-types.js";

/** Seconds, and values, as charts take them. */
export type Columns = readonly [number[], ...(number | null)[][]];

const keptMs = 120_000;
const maxPoints = 800;

export class PriceSeries {
  #times: number[] = [];
  #prices: number[] = [];

  get columns(): Columns {
    return [this.#times.map((time) => time / 1000), this.#prices];
  }

  get length(): number {
    return this.#times.length;
  }

  clear(): void {
    this.#times = [];
    this.#prices = [];
  }

  /** What came meanwhile stays behind it. */
  fill({ times, prices }: SymbolHistory): void {
    const end = times.at(-1) ?? 0;
    const start = this.#times.findIndex((time) => time > end);
    const [laterTimes, laterPrices] =
      start < 0 ? [[], []] : [this.#times.slice(start), this.#prices.slice(start)];
    this.#times = [...times, ...laterTimes];
    this.#prices = [...prices, ...laterPrices];
  }

  add(at: number, price: number): void {
    // Recovered ones may be older than what the history had.
    if (at < (this.#times.at(-1) ?? 0)) return;
    this.#times.push(at);
    this.#prices.push(price);
    while (this.#times.length > maxPoints || at - (this.#times[0] ?? at) > keptMs) {
      this.#times.shift();
      this.#prices.shift();
    }
  }
}

const gapMs = 4000;

export class MachineSeries {
  #samples: MachineSample[] = [];

  get latest(): MachineSample | undefined {
    return this.#samples.at(-1);
  }

  get length(): number {
    return this.#samples.length;
  }

  /** What the history has, beside what came meanwhile. */
  fill(samples: readonly MachineSample[]): void {
    const byTime = new Map([...this.#samples, ...samples].map((sample) => [sample.at, sample]));
    this.#samples = [...byTime.values()].sort((a, b) => a.at - b.at).slice(-keptSamples);
  }

  add(sample: MachineSample): void {
    if (sample.at <= (this.latest?.at ?? 0)) this.fill([sample]);
    else this.#samples = [...this.#samples, sample].slice(-keptSamples);
  }

  /** A column for each of these values, in the unit that they are divided by. */
  columns(names: readonly string[], unit: number): Columns {
    const times: number[] = [];
    const values = names.map((): (number | null)[] => []);
    let before = Number.POSITIVE_INFINITY;
    for (const { at, values: found } of this.#samples) {
      if (at - before > gapMs) {
        times.push((before + 1000) / 1000);
        for (const column of values) column.push(null);
      }
      before = at;
      times.push(at / 1000);
      names.forEach((name, index) => {
        const value = found[name];
        values[index]?.push(value === undefined ? null : value / unit);
      });
    }
    return [times, ...values];
  }
}
