/** Where the lab's processes are when the lab itself runs from its sources: as built. */
import { join } from "node:path";
import type { LabModules } from "../../src/index.js";

export const builtFolder = join(import.meta.dirname, "../../dist");

export const builtModules: LabModules = { process: join(builtFolder, "process-main.js") };

export const faultyModules: LabModules = {
  ...builtModules,
  server: join(import.meta.dirname, "faulty-server.mjs"),
};
