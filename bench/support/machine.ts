/** What the numbers were taken on, and what bounds it sets. */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";

export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly platform: string;
  readonly cpu: string;
  readonly cores: number;
}

export function describeMachine(): Machine {
  return {
    date: new Date().toISOString(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
  };
}

/** Processor time that all processes of the machine have used so far, in seconds; whole ticks of its clock. */
export function busySeconds(): number {
  const milliseconds = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  return milliseconds / 1000;
}

/** Files that a process needs besides its connections. */
const sparedFiles = 200;

/** Connections that one process may have, at either end, for the limit of open files; unknown counts as unlimited. */
export function mostConnections(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Infinity : Number(soft) - sparedFiles;
  } catch {
    return Infinity;
  }
}

/** Keeps this process, with all its threads, on one core. Linux only. @throws Error when `taskset` cannot do it */
export function pinThisProcess(core: number): void {
  const { status, stderr, error } = spawnSync("taskset", ["-acp", String(core), String(process.pid)], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`taskset could not pin to core ${core}: ${error?.message ?? stderr.trim()}`);
}
