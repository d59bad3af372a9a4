// `npm run soak -- --minutes 2 --seed N`: random hostile peers against the engine, and its memory watched.
import { join } from "node:path";
import { prepare, run } from "./prepare.mjs";

prepare();
process.exit(
  run(process.execPath, ["--import", "tsx", join("test", "soak", "main.ts"), ...process.argv.slice(2)]),
);
