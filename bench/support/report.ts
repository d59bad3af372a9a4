/** What a benchmark prints, progress while it runs and tables at its end, and how rounds are summed up. */
import type { LatencyHistogram } from "@holdfast/lab/load";
import { describeMachine as describeLabMachine } from "@holdfast/lab/node";
import type { LabMachine } from "@holdfast/lab/report";

/** One line that is written over on a terminal, a line each elsewhere. */
export class Progress {
  readonly #stream = process.stderr;

  say(text: string): void {
    if (!this.#stream.isTTY) {
      this.#stream.write(`${text}\n`);
      return;
    }
    this.clear();
    this.#stream.write(text.slice(0, (this.#stream.columns || 80) - 1));
  }

  /** To be called before anything else is printed. */
  clear(): void {
    if (this.#stream.isTTY) this.#stream.write("\r\x1b[K");
  }
}

/** A table with its first column to the left and the others to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ");
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [line(head), rule, ...rows.map(line)].map((text) => `${text.trimEnd()}\n`).join("");
}

/** What the numbers were taken on, and when. */
export interface Machine extends LabMachine {
  readonly date: string;
}

export function describeMachine(): Machine {
  return { date: new Date().toISOString(), ...describeLabMachine() };
}

export function describe({ date, node, platform, cpu, cores }: Machine): string {
  return `${date}, Node.js ${node}, ${platform}, ${cores} × ${cpu}`;
}

/** Like "×11.4"; a dash where there is nothing to compare with. */
export function ratio(value: number, base: number | undefined): string {
  return base === undefined ? "-" : `×${(value / base).toFixed(2)}`;
}

export function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}

export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** @param values at least one */
export function summarize(values: readonly number[]): Summary {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const at = (index: number) => sorted[index] as number;
  return {
    median: (at(Math.ceil(middle) - 1) + at(Math.floor(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
  };
}

/** Turns: who goes first changes, because the machine and the load generator may not be the same later. */
export function rotated<T>(items: readonly T[], by: number): readonly T[] {
  const first = by % items.length;
  return [...items.slice(first), ...items.slice(0, first)];
}

/** Milliseconds; NaN where nothing was recorded. */
export interface LatencySummary {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export function summarizeLatencies(latencies: LatencyHistogram): LatencySummary {
  const percentile = (percent: number) => latencies.percentileMs(percent) ?? Number.NaN;
  return {
    count: latencies.count,
    p50Ms: percentile(50),
    p99Ms: percentile(99),
    p999Ms: percentile(99.9),
    maxMs: percentile(100),
  };
}
