/** Where measurements are kept: a JSON file for each benchmark, which the plots are drawn from. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { OptionDescription, Options } from "./options.js";

/** @param name of the benchmark @returns its file, from the root of the repository, where benchmarks run */
export function resultsFile(name: string): string {
  return `bench/results/${name}.json`;
}

/** What --json says, the same for every benchmark. */
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
