/** Reads the imports of source files. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Import {
  /** Importing file, relative to the root of the sources. */
  readonly from: string;
  /** A path relative to the root of the sources for own modules, else the specifier. */
  readonly to: string;
  readonly isOwn: boolean;
  /** Nothing but types, which are gone when it runs. */
  readonly isTypeOnly: boolean;
}

const pattern =
  /(?:^|\n)(?:import|export)\s+(type\s+(?!from\s+"))?[^;"'()=]*?\bfrom\s+"([^"]+)"|(?:^|\n)import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/g;

export function listSources(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

export function readImports(root: string, from: string): Import[] {
  return findImports(readFileSync(join(root, from), "utf8"), root, from);
}

/** @param text of the file */
export function findImports(text: string, root: string, from: string): Import[] {
  return [...text.matchAll(pattern)].map((match) => {
    const specifier = (match[2] ?? match[3] ?? match[4]) as string;
    // Types that are named one by one, `{ type A }`, leave an empty import, which loads the module.
    const isTypeOnly = match[1] !== undefined;
    if (!specifier.startsWith(".")) return { from, to: specifier, isOwn: false, isTypeOnly };
    const to = relative(root, join(root, dirname(from), specifier)).replaceAll("\\", "/");
    return { from, to: to.replace(/\.js$/, ".ts"), isOwn: true, isTypeOnly };
  });
}
