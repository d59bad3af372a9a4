/** The prices of one symbol for the large chart: what the server has of it, and then each change. */
import type { SymbolHistory } from "../server/ticker-types.js";

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
