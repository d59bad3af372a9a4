/** A folder with a configuration in it, which goes when the test ends. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigSources, type Configuration, loadConfiguration } from "../../src/config/load-config.js";
import * as holdfast from "../../src/index.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

export const goodSecret = "rT7xKq2mVb9LwZc4NpYs8HdJfG3uEa6QkWvXtB1o";

/** @param files texts or bytes by their names */
export function makeFolder(files: Readonly<Record<string, string | Uint8Array>> = {}): string {
  const folder = createTemporaryFolder("config");
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: 0o600 });
  return folder;
}

/** Loads what stands in a folder, by itself. */
export function loadFrom(folder: string, sources: Partial<ConfigSources> = {}): Promise<Configuration> {
  return loadConfiguration({ folder, env: {}, modules: { holdfast }, ...sources });
}

/** A configuration of one file in YAML. */
export function loadYaml(yaml: string, sources: Partial<ConfigSources> = {}): Promise<Configuration> {
  return loadFrom(makeFolder({ "holdfast.config.yaml": yaml }), sources);
}
