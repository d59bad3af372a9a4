/** Where this package's documents are on this machine: in the package, or in the repository that it is built in. */
import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const documents = [new URL("../../docs/", import.meta.url), new URL("../../../../docs/", import.meta.url)];

/** @param name such as `howto/configuration.md`. @returns a path from the working directory, or a whole one where it lies elsewhere */
export function documentPath(name: string): string {
  const paths = documents.map((folder) => fileURLToPath(new URL(name, folder)));
  const path = paths.find((each) => existsSync(each)) ?? (paths[0] as string);
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
