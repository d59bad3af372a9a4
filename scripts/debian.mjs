// Installs Debian packages that tests need, where that is possible: as root, with apt-get.
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { root, run } from "./prepare.mjs";

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
  if (missing.length > 0 && canUseApt()) {
    const packages = missing.map(([, name]) => name);
    process.stdout.write(`Installing Debian's ${packages.join(", ")} for the tests …\n`);
    aptInstall(packages);
  }
  ensureClusterNats();
}

/** Where test/support/nats-programs.ts looks for the nats-server that it makes clusters of. */
export const clusterNats = join(root, ".cache", "servers", "nats-server");
export const debianKeys = "/usr/share/keyrings/debian-archive-keyring.gpg";
const maxDownloads = 3;

/**
 * Clusters need a newer nats-server than Debian 12 has. That of Debian 13 runs there; it is not installed, but unpacked into .cache. apt-get
 * gets it with lists of its own, and checks it against Debian's keys.
 */
function ensureClusterNats() {
  if (existsSync(clusterNats) || hasClusterNats("nats-server") || !canUseApt() || !existsSync(debianKeys))
    return;
  process.stdout.write("Unpacking nats-server of Debian 13 into .cache/servers for tests of clusters …\n");
  const folder = mkdtempSync(join(tmpdir(), "holdfast-apt-"));
  try {
    const file = downloadDebian("trixie", "nats-server", folder);
    if (file === undefined || run("dpkg-deb", ["-x", file, join(folder, "unpacked")]) !== 0) {
      process.stdout.write("It could not be had: tests of NATS clusters are skipped.\n");
      return;
    }
    mkdirSync(join(root, ".cache", "servers"), { recursive: true });
    // From another file system, perhaps; nobody finds half of it.
    run("cp", [join(folder, "unpacked", "usr", "sbin", "nats-server"), `${clusterNats}.new`]);
    renameSync(`${clusterNats}.new`, clusterNats);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} program @returns {boolean} whether it is nats-server 2.10.27 or later, as brokers/nats/nats-store.ts needs it for replicas */
function hasClusterNats(program) {
  const { stdout } = spawnSync(program, ["--version"], { encoding: "utf8" });
  const [major = 0, minor = 0, patch = 0] = (/\d+\.\d+\.\d+/.exec(stdout ?? "")?.[0] ?? "")
    .split(".")
    .map(Number);
  return major > 2 || (major === 2 && (minor > 10 || (minor === 10 && patch >= 27)));
}

/**
 * Gets a package without installing it.
 * @param {string} suite of Debian
 * @param {string} name of the package
 * @param {string} folder for apt's lists, and the package
 * @returns {string | undefined} its file
 */
export function downloadDebian(suite, name, folder) {
  const sources = join(folder, "sources.list");
  writeFileSync(sources, `deb [signed-by=${debianKeys}] http://deb.debian.org/debian ${suite} main\n`);
  for (const part of ["state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(folder, part), { recursive: true });
  const options = [
    `Dir::State=${join(folder, "state")}`,
    `Dir::Cache=${join(folder, "cache")}`,
    `Dir::Etc::SourceList=${sources}`,
    "Dir::Etc::SourceParts=-",
    "Acquire::Languages=none",
    "Acquire::Retries=2",
    "Acquire::http::Timeout=30",
    // Its user may not read the folder.
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const apt = (/** @type {string[]} */ ...args) =>
    spawnSync("apt-get", ["-qq", ...options, ...args], { cwd: folder, stdio: "inherit" }).status === 0;
  for (let i = 0; i < maxDownloads; i++) {
    if (!apt("update") || !apt("download", name)) continue;
    const file = readdirSync(folder).find((each) => each.endsWith(".deb"));
    if (file !== undefined) return join(folder, file);
  }
  return undefined;
}
