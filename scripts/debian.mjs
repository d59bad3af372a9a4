// Installs Debian packages that tests need, where that is possible: as root, with apt-get.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { run } from "./prepare.mjs";

export function canUseApt() {
  return process.getuid?.() === 0 && spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status === 0;
}

/** @param {readonly string[]} packages */
export function aptInstall(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  run("apt-get", ["update", "-qq"], env);
  withoutServices(() =>
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], env),
  );
}

/** Where packages ask whether they may start their services. */
const policyFile = "/usr/sbin/policy-rc.d";

/** @param {() => void} install */
function withoutServices(install) {
  const isOurs = !existsSync(policyFile);
  if (isOurs) writeFileSync(policyFile, "#!/bin/sh\nexit 101\n", { mode: 0o755 });
  try {
    install();
  } finally {
    if (isOurs) rmSync(policyFile);
  }
}

/** Servers that tests start themselves: the program, and the package that has it. */
const servers = [
  ["redis-server", "redis-server"],
  ["redis-sentinel", "redis-sentinel"],
  ["nats-server", "nats-server"],
  ["haproxy", "haproxy"],
  ["nginx", "nginx"],
];

/** Tests that need a server that is not there are skipped and say why; with CI=true they fail. */
export function ensureServers() {
  const folders = (process.env.PATH ?? "").split(delimiter);
  const missing = servers.filter(([program]) => !folders.some((folder) => existsSync(join(folder, program))));
  if (missing.length === 0 || !canUseApt()) return;
  const packages = missing.map(([, name]) => name);
  process.stdout.write(`Installing Debian's ${packages.join(", ")} for the tests …\n`);
  aptInstall(packages);
}
