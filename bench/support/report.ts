/** What a benchmark prints: progress while it runs, tables at its end. */
import type { Machine } from "./machine.js";

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

export function describe({ date, node, platform, cpu, cores }: Machine): string {
  return `${date}, Node.js ${node}, ${platform}, ${cores} × ${cpu}`;
}

/** 1234567 → "1,234,567" */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Like "×11.4"; a dash where there is nothing to compare with. */
export function ratio(value: number, base: number | undefined): string {
  return base === undefined ? "-" : `×${(value / base).toFixed(2)}`;
}

export function percent(fraction: number): string {
  return `${Math.round(fraction * 100)} %`;
}
