// Debian 12 has Valkey in its backports only. It is not installed for the tests, but unpacked
// into .cache, as nats-server in debian.mjs.
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { aptInstall, canUseApt, debianKeys, downloadDebian } from "./debian.mjs";
import { root } from "./prepare.mjs";

/** Where packages/holdfast/test/support/redis-server.ts looks for it. */
const valkey = join(root, ".cache", "servers", "valkey-server");
const suite = "bookworm-backports";
/** Of Valkey, without those that redis-server needs, too. */
const libraries = ["libatomic1", "libjemalloc2", "liblzf1"];

/** Tests on Valkey are skipped where it is not there, and say so; with CI=true they fail. */
export function ensureValkey() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const isInstalled = folders.some((folder) => existsSync(join(folder, "valkey-server")));
  if (isInstalled || existsSync(valkey) || !canUseApt() || !existsSync(debianKeys)) return;
  process.stdout.write(`Unpacking valkey-server of Debian's ${suite} into .cache/servers for tests …\n`);
  const folder = mkdtempSync(join(tmpdir(), "holdfast-apt-"));
  try {
    const file = downloadDebian(suite, "valkey-tools", folder);
    const unpacked = join(folder, "unpacked");
    if (file === undefined || spawnSync("dpkg-deb", ["-x", file, unpacked]).status !== 0) {
      process.stdout.write("It could not be had: tests on Valkey are skipped.\n");
      return;
    }
    // One program under several names, which looks how it was called.
    const program = join(unpacked, "usr", "bin", "valkey-check-rdb");
    mkdirSync(join(root, ".cache", "servers"), { recursive: true });
    copyFileSync(program, `${valkey}.new`);
    renameSync(`${valkey}.new`, valkey);
    if (spawnSync(valkey, ["--version"]).status !== 0) aptInstall(libraries);
    // Of another system, perhaps.
    if (spawnSync(valkey, ["--version"]).status !== 0) rmSync(valkey);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
