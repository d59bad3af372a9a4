/** The machine that was measured on: what it is, how busy it is, and how many connections a process may have. */
import { readFileSync } from "node:fs";
import { availableParallelism, cpus, totalmem } from "node:os";
import type { LabMachine } from "../report/index.js";

export function describeMachine(): LabMachine {
  return {
    cpu: cpus()[0]?.model.trim() || "unknown processor",
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.version,
    platform: `${process.platform} ${process.arch}`,
  };
}

interface BusyTimes {
  readonly busyMs: number;
  readonly allMs: number;
}

/** Processor time of all cores since the start of the machine. */
export function busyTimes(): BusyTimes {
  let busyMs = 0;
  let allMs = 0;
  for (const { times } of cpus()) {
    const busy = times.user + times.nice + times.sys + times.irq;
    busyMs += busy;
    allMs += busy + times.idle;
  }
  return { busyMs, allMs };
}

/** Files that a process needs besides its connections. */
const reservedFiles = 200;

/** Connections that one process may have, by its limit of open files; an unknown limit counts as none. */
export function maxConnections(): number {
  try {
    const limits = readFileSync("/proc/self/limits", "utf8");
    const soft = /^Max open files\s+(\d+)/m.exec(limits)?.[1];
    return soft === undefined ? Infinity : Number(soft) - reservedFiles;
  } catch {
    return Infinity;
  }
}
