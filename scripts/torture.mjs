// `npm run torture -- --seed N --seconds S`: a server that is killed again and again, and what its clients saw of it.
import { join } from "node:path";
import { ensureServers } from "./debian.mjs";
import { prepare, run } from "./prepare.mjs";

prepare();
if (process.argv.some((each) => /\b(redis|nats)/.test(each))) ensureServers();
process.exit(
  run(process.execPath, ["--import", "tsx", join("test", "torture", "main.ts"), ...process.argv.slice(2)]),
);
