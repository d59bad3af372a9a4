/**
 * Which nats-server tests start: the machine's own where one is enough, so that an old one is tested where there is one, and for clusters one
 * that can replicate, which scripts/debian.mjs puts into .cache/servers where the machine's cannot.
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface NatsProgram {
  readonly file: string;
  /** major.minor.patch */
  readonly version: string;
}

/** Debian installs it where ordinary users do not look. */
const files = [
  "nats-server",
  "/usr/sbin/nats-server",
  fileURLToPath(new URL("../../../../.cache/servers/nats-server", import.meta.url)),
];

let found: readonly NatsProgram[] | undefined;

function programs(): readonly NatsProgram[] {
  found ??= files.flatMap((file) => {
    const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8" });
    const version = /\d+\.\d+\.\d+/.exec(stdout ?? "")?.[0];
    return version === undefined ? [] : [{ file, version }];
  });
  return found;
}

/** For single servers. */
export function findNats(): NatsProgram | undefined {
  return programs()[0];
}

/** For clusters: 2.10.27 or later. */
export function findClusterNats(): NatsProgram | undefined {
  return programs().find(({ version }) => canReplicate(version));
}

/** One that is too old for clusters. */
export function findOldNats(): NatsProgram | undefined {
  return programs().find(({ version }) => !canReplicate(version));
}

function canReplicate(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  return major > 2 || (major === 2 && (minor > 10 || (minor === 10 && patch >= 27)));
}
