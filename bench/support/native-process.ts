/**
 * A measured server that is a program of the machine's, not of Node.js: started with a configuration of our own, asked
 * through /proc (Linux), ended by its process id.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { CpuTime } from "../servers/answer-asks.js";
import type { CommonAnswers } from "./running-server.js";

export interface NativeServer {
  /** Files that have to be there; the first is the program. */
  readonly files: readonly string[];
  /** Ports of this machine that it needs; clients connect to the first. */
  readonly ports: number;
  /** Writes the configuration into the folder. @returns the program's arguments */
  configure(folder: string, ports: readonly number[]): readonly string[];
}

const startTimeoutMs = 10_000;
const exitTimeoutMs = 5000;
/** Linux counts processor time in these, on every architecture. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const microsPerTick = 10_000;
const pageBytes = 4096;

/** Whether everything of the server is on this machine. */
export function isInstalled({ files }: NativeServer): boolean {
  return files.every((file) => {
    try {
      accessSync(file, constants.R_OK);
      return true;
    } catch {
      return false;
    }
  });
}

export class NativeProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when the server listens. @throws Error with what it wrote when it ends before */
  static async start(native: NativeServer, folder: string, core?: number): Promise<NativeProcess> {
    const ports = await freePorts(native.ports);
    const command = [native.files[0] as string, ...native.configure(folder, ports)];
    if (core !== undefined) command.unshift("taskset", "-c", String(core));
    const [program, ...args] = command as [string, ...string[]];
    const child = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"] });
    let written = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      written = `${written}${chunk}`.slice(-4000);
    });
    child.on("error", (error) => {
      written += error.message;
    });
    const started = new NativeProcess(child, ports[0] as number);
    // What is left of it must not outlive the benchmark, however that ends.
    process.once("exit", () => child.kill("SIGKILL"));
    const deadline = performance.now() + startTimeoutMs;
    while (!(await answers(started.port))) {
      if (child.exitCode !== null || child.pid === undefined || performance.now() > deadline) {
        await started.stop();
        throw new Error(`${program} does not listen: ${written.trim() || "it wrote nothing"}`);
      }
      await sleep(20);
    }
    return started;
  }

  async ask<K extends keyof CommonAnswers>(ask: K): Promise<CommonAnswers[K]> {
    const pids = familyOf(this.#child.pid as number);
    // It counts its tables in ways of its own, if at all.
    const stats = () => ({});
    const answer: { [A in keyof CommonAnswers]: () => CommonAnswers[A] } = {
      usage: () => sumOf(pids.map(readUsage)),
      rss: () => pids.map(readRss).reduce((sum, each) => sum + each, 0),
      stats,
    };
    return answer[ask]();
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const timer = setTimeout(() => child.kill("SIGKILL"), exitTimeoutMs);
    child.kill("SIGTERM");
    await exited;
    clearTimeout(timer);
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.on("error", () => resolve(false));
  });
}

/** The process and its children: nginx has its workers there. */
function familyOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return [pid, ...children.split(" ").filter(Boolean).map(Number)];
}

function readUsage(pid: number): CpuTime {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name before may hold anything; the third field is the first after it, and times are fields 14 and 15.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return { user: Number(fields[11]) * microsPerTick, system: Number(fields[12]) * microsPerTick };
}

function readRss(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * pageBytes;
}

function sumOf(usages: readonly CpuTime[]): CpuTime {
  return usages.reduce((sum, { user, system }) => ({ user: sum.user + user, system: sum.system + system }));
}

const first = 20_000;
const last = 32_000;

export async function freePorts(count: number): Promise<readonly number[]> {
  const ports: number[] = [];
  let candidate = first + (process.pid % 4000);
  while (ports.length < count) {
    if (candidate > last) throw new Error(`there are no ${count} free ports from ${first} to ${last}`);
    if (await isFree(candidate)) ports.push(candidate);
    candidate++;
  }
  return ports;
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on("error", () => resolve(false));
    server.listen({ port, host: "127.0.0.1", exclusive: true }, () => server.close(() => resolve(true)));
  });
}
