/** The samples of one meter, each once and in order; a while without any stays a gap. */
import { keptSamples, type MachineSample } from "../server/ticker-types.js";
import type { Columns } from "./price-series.js";

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
