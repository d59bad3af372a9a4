/** `npm run torture`: one run by its flags, and what came of it. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describeOptions, InvalidFlag, readOptions, type TortureOptions } from "./options.js";
import { runTorture } from "./run.js";

function say(text: string): void {
  if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${text}`);
  else process.stdout.write(`${text}\n`);
}

function readFlags(): TortureOptions | undefined {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof InvalidFlag)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(2);
  }
}

const options = readFlags();
if (options === undefined) {
  process.stdout.write(describeOptions());
  process.exit(0);
}
const { seed, seconds, publishers, subscribers, channels, nodes, broker } = options;
process.stdout.write(
  `torture: seed ${seed}, ${seconds} s, ${publishers} publishers, ${subscribers} subscribers, ${channels} channels${broker ? `, ${nodes} nodes on ${broker}` : ""}\n`,
);
const { lines, violations, history, folder, storeFault } = await runTorture(options, say).catch(
  (error: Error) => {
    process.stderr.write(`${error.message}: ${String(error.cause)}\ntorture: seed ${seed}\n`);
    process.exit(1);
  },
);
process.stdout.write(`${lines.join("\n")}\n\n`);
if (violations.length > 0) {
  await writeFile(join(folder, "violations.json"), JSON.stringify(violations, null, 2));
  await writeFile(join(folder, "history.json"), JSON.stringify(history));
  process.stdout.write(`data, violations and the whole history are in ${folder}\n`);
}
const count = `${violations.length} violations${storeFault === undefined ? "" : ", on a store that broke its own promises"}`;
const verdict = violations.length === 0 ? "all promises were kept" : count;
process.stdout.write(`torture: ${verdict}; seed ${seed}\n`);
// 3: nothing is known of the servers.
process.exit(violations.length === 0 ? 0 : storeFault === undefined ? 1 : 3);
