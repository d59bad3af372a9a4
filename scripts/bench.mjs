// `npm run bench -- NAME`: one file in bench/ answers one question. Without a name, lists them.
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fail, prepare, root, run } from "./prepare.mjs";

const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(join(root, "bench"))
  .filter((file) => file.endsWith(".bench.ts"))
  .map((file) => file.replace(".bench.ts", ""));
if (!name || !existsSync(join(root, "bench", `${name}.bench.ts`)))
  fail(`Usage: npm run bench -- NAME [options]\nNAME is one of: ${names.join(", ")}`);
prepare();
process.exit(run(process.execPath, ["--import", "tsx", join("bench", `${name}.bench.ts`), ...rest]));
