/** A benchmark as a command: its options, described once for `--help` and for parsing, its run, and the file of its results. */

import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { parseArgs } from "node:util";

export interface OptionDescription {
  /** Placeholder of the value in the help. */
  readonly value: string;
  readonly default?: string;
  readonly about: string;
}

export interface BenchDescription {
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, OptionDescription>>;
}

/** A mistake in the command line; its message is for whoever typed it. */
export class UsageError extends Error {}

interface Range {
  readonly min: number;
  readonly max?: number;
}

export class Options {
  readonly #texts: Readonly<Record<string, string | undefined>>;

  constructor(texts: Readonly<Record<string, string | undefined>>) {
    this.#texts = texts;
  }

  text(name: string): string | undefined {
    return this.#texts[name];
  }

  integer(name: string, range: Range): number {
    return toNumber(name, this.#texts[name] ?? "", range, "an integer");
  }

  /** Numbers with fractions. */
  number(name: string, range: Range): number {
    return toNumber(name, this.#texts[name] ?? "", range, "a number");
  }

  integers(name: string, range: Range): readonly number[] {
    return this.#items(name).map((item) => toNumber(name, item, range, "comma-separated integers, each"));
  }

  /** Words among `accepted`, each at most once. */
  words(name: string, accepted: readonly string[]): readonly string[] {
    const words = new Set(this.#items(name));
    const unknown = [...words].find((word) => !accepted.includes(word));
    if (unknown !== undefined || words.size === 0)
      throw new UsageError(
        `--${name} accepts ${accepted.join(", ")}, comma-separated; "${unknown}" is unknown.`,
      );
    return [...words];
  }

  #items(name: string): readonly string[] {
    return (this.#texts[name] ?? "").split(",").map((item) => item.trim());
  }
}

/** Reads the command line; with `--help`, prints the options and exits. @throws UsageError */
export function readOptions(bench: BenchDescription, args = process.argv.slice(2)): Options {
  const names = Object.keys(bench.options);
  const config = Object.fromEntries(
    Object.entries(bench.options).map(([name, option]) => [
      name,
      { type: "string" as const, ...(option.default !== undefined && { default: option.default }) },
    ]),
  );
  try {
    const { values } = parseArgs({ args, options: { ...config, help: { type: "boolean", short: "h" } } });
    if (values.help) {
      process.stdout.write(helpOf(bench));
      process.exit();
    }
    return new Options(values as Record<string, string | undefined>);
  } catch (error) {
    const accepted = [...names, "help"].map((name) => `--${name}`).join(", ");
    throw new UsageError(`${(error as Error).message}\n${bench.name} accepts ${accepted}.`);
  }
}

function helpOf({ name, about, options }: BenchDescription): string {
  const rows = Object.entries(options).map(([option, { value, default: preset, about }]) => {
    const suffix = preset === undefined ? "" : ` (default ${preset})`;
    return [`--${option} ${value}`, `${about}${suffix}`] as const;
  });
  const width = Math.max(...rows.map(([left]) => left.length));
  const lines = rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`);
  return `${about}\n\nUsage: npm run bench -- ${name} [options]\n\n${lines.join("")}`;
}

function toNumber(name: string, text: string, { min, max = Infinity }: Range, kind: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isRightKind = kind === "a number" ? Number.isFinite(value) : Number.isInteger(value);
  if (isRightKind && value >= min && value <= max) return value;
  const range = max === Infinity ? `at least ${min}` : `from ${min} to ${max}`;
  throw new UsageError(`--${name} accepts ${kind} ${range}, not "${text}".`);
}

export async function runBench(main: () => Promise<void>): Promise<never> {
  try {
    await main();
  } catch (error) {
    if (error instanceof UsageError) {
      process.stderr.write(`${error.message}\n`);
      process.exit(2);
    }
    process.stderr.write(
      `\nFAILED: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    process.exit(1);
  }
  // Sockets that a server has not closed yet would keep the process alive.
  process.exit(0);
}

/** @param name of the benchmark @returns its file, from the root of the repository, where benchmarks run */
export function resultsFile(name: string): string {
  return `bench/results/${name}.json`;
}

/** The --json option, the same for every benchmark. */
export function jsonOption(name: string): OptionDescription {
  return { value: "FILE", default: resultsFile(name), about: "write all measurements to this file" };
}

/** @param name of the benchmark @param content with the machine, the settings and what was measured */
export function writeResults(options: Options, name: string, content: object): void {
  const file = options.text("json");
  if (file === undefined) return;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ bench: name, ...content }, null, 2)}\n`);
  console.log(`\nAll measurements are in ${file}.`);
}
