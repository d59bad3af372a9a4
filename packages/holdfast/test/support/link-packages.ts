/** Installs without a registry: packages of this repository, and the one that it is, linked with their commands into a folder. */
import { existsSync, mkdirSync, readFileSync, realpathSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";

const root = join(import.meta.dirname, "../../../..");

export function linkPackages(folder: string, names: readonly string[]): void {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, ".bin"), { recursive: true });
  for (const name of names) {
    const target = realpathSync(join(root, "node_modules", name));
    const link = join(modules, name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(target, link);
    for (const [command, file] of commandsOf(target)) {
      const path = join(modules, ".bin", command);
      if (!existsSync(path)) symlinkSync(join(target, file), path);
    }
  }
}

function commandsOf(folder: string): [name: string, file: string][] {
  const { name, bin = {} } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as {
    name: string;
    bin?: string | Record<string, string>;
  };
  return Object.entries(typeof bin === "string" ? { [name]: bin } : bin);
}
