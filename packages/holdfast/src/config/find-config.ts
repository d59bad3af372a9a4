/** Where the configuration is: named, or in the working directory under one of its names. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { HoldfastError } from "../errors.js";

export const configNames = ["ts", "mts", "js", "mjs", "json", "yaml", "yml"].map(
  (extension) => `holdfast.config.${extension}`,
);

/** What `--config` takes for no file at all. */
export const noConfig = "none";

/**
 * @param named as a flag or a variable has it, by which it is called in errors
 * @returns the file's path, or undefined where there is none
 * @throws HF_CONFIG_INVALID when the one that is named is not there, or there are several to choose from
 */
export function findConfig(
  folder: string,
  named: { readonly text: string; readonly by: string } | undefined,
): string | undefined {
  if (named?.text === noConfig) return undefined;
  if (named) {
    const file = resolve(folder, named.text);
    if (existsSync(file)) return file;
    throw new HoldfastError("HF_CONFIG_INVALID", `${named.by} ${named.text}: there is no such file`);
  }
  const found = configNames.filter((name) => existsSync(join(folder, name)));
  if (found.length <= 1) return found[0] && join(folder, found[0]);
  throw new HoldfastError(
    "HF_CONFIG_INVALID",
    `there are ${found.join(" and ")} in ${folder}, and only one can count; remove the others, or choose with --config`,
  );
}
