/** Options of a benchmark: described once, for `--help` and for `node:util`'s parseArgs; an error names what is accepted. */
import { parseArgs } from "node:util";

export interface OptionDescription {
  /** What stands for the value in the help. */
  readonly value: string;
  readonly default?: string;
  readonly about: string;
}

export interface BenchDescription {
  readonly name: string;
  readonly about: string;
  readonly options: Readonly<Record<string, OptionDescription>>;
}

/** A mistake in the command line; its message is for the one who typed it. */
export class UsageError extends Error {}

interface Range {
  readonly least: number;
  readonly most?: number;
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
    return this.#items(name).map((item) => toNumber(name, item, range, "integers separated by commas, each"));
  }

  /** Words out of `accepted`, each at most once. */
  words(name: string, accepted: readonly string[]): readonly string[] {
    const words = new Set(this.#items(name));
    const unknown = [...words].find((word) => !accepted.includes(word));
    if (unknown !== undefined || words.size === 0)
      throw new UsageError(
        `--${name} accepts ${accepted.join(", ")}, separated by commas; it does not know "${unknown}".`,
      );
    return [...words];
  }

  #items(name: string): readonly string[] {
    return (this.#texts[name] ?? "").split(",").map((item) => item.trim());
  }
}

/** Reads the command line; with `--help`, says what there is and ends. @throws UsageError */
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

function toNumber(name: string, text: string, { least, most = Infinity }: Range, kind: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text);
  const isRightKind = kind === "a number" ? Number.isFinite(value) : Number.isInteger(value);
  if (isRightKind && value >= least && value <= most) return value;
  const range = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
  throw new UsageError(`--${name} accepts ${kind} ${range}, not "${text}".`);
}
