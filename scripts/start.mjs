// `npm start`: installs, builds what has changed, and serves the showcase. Arguments go to `holdfast serve`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
process.argv.splice(2, 0, "serve", "--showcase");
await import(pathToFileURL(join(root, "dist/cli/main.js")).href);
