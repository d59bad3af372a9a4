/** Where this package's documents are on this machine. */
import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const documents = new URL("../../docs/", import.meta.url);

/** @param name such as `howto/configuration.md`. @returns a path from the working directory, or a whole one where it lies elsewhere */
export function documentPath(name: string): string {
  const path = fileURLToPath(new URL(name, documents));
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
