/** Where the lab's processes are when the engine itself runs from its sources: as built. */
import { join } from "node:path";
import type { LabModules } from "../../src/index.js";

const root = join(import.meta.dirname, "../../../..");

export const builtModules: LabModules = { children: join(root, "packages/lab/dist/children") };

export const faultyModules: LabModules = {
  ...builtModules,
  server: join(import.meta.dirname, "faulty-server.mjs"),
};
