// `npm start`: installs, builds what has changed, and serves the showcase. It takes the flags of `holdfast serve`.
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { prepare, root } from "./prepare.mjs";

prepare();
await import(pathToFileURL(join(root, "apps/showcase/dist/server/main.js")).href);
