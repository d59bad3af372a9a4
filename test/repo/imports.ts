/** Reads the imports of source files. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

export interface Import {
  /** Importing file, relative to the root of the sources. */
  readonly from: string;
  /** A path relative to the root of the sources for own modules, else the specifier. */
  readonly to: string;
  readonly isOwn: boolean;
}

const pattern =
  /(?:^|\n)(?:import|export)\s[^;"'()=]*?\bfrom\s+"([^"]+)"|(?:^|\n)import\s+"([^"]+)"|\bimport\(\s*"([^"]+)"/g;

export function listSources(root: string): string[] {
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => /\.tsx?$/.test(path))
    .map((path) => path.replaceAll("\\", "/"))
    .sort();
}

export function readImports(root: string, from: string): Import[] {
  const text = readFileSync(join(root, from), "utf8");
  return [...text.matchAll(pattern)].map((match) => {
    const specifier = (match[1] ?? match[2] ?? match[3]) as string;
    if (!specifier.startsWith(".")) return { from, to: specifier, isOwn: false };
    const to = relative(root, join(root, dirname(from), specifier)).replaceAll("\\", "/");
    return { from, to: to.replace(/\.js$/, ".ts"), isOwn: true };
  });
}
