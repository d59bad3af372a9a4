// Loaded into the server under torture before anything else, where it is to be broken on purpose: changes one module of
// the build as it is loaded. See mutations.ts.
import { readFile } from "node:fs/promises";
import { register } from "node:module";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";

const { file, find, replace } = JSON.parse(process.env.HOLDFAST_TORTURE_MUTATION);

// Hooks run in a thread of their own, which loads this same file.
if (isMainThread) register(import.meta.url);

/** The module hook of Node.js. */
export async function load(url, context, nextLoad) {
  if (!url.endsWith(`/dist/${file}`)) return nextLoad(url, context);
  const source = await readFile(fileURLToPath(url), "utf8");
  if (source.split(find).length !== 2) throw new Error(`${file} does not have ${find} exactly once`);
  return { format: "module", shortCircuit: true, source: source.replace(find, () => replace) };
}
