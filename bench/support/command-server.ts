/** A measured server that is started by the command, with all processes that it starts itself. Linux only. */
import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const command = join(import.meta.dirname, "../../packages/holdfast/bin/holdfast.js");
/** Linux counts processor time in these, on every architecture. */
const microsPerTick = 10_000;

export class CommandServer {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start(args: readonly string[]): Promise<CommandServer> {
    const child = spawn(process.execPath, [command, "serve", "--config", "none", "--port", "0", ...args], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_ENV: "production" },
    });
    const end = () => void child.kill("SIGTERM");
    process.once("exit", end);
    child.once("exit", () => process.off("exit", end));
    let written = "";
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) {
      written += chunk;
      const port = /localhost:(\d+)/.exec(written)?.[1];
      if (port !== undefined) return new CommandServer(child, Number(port));
    }
    throw new Error(`holdfast serve has ended: ${written}`);
  }

  cpuMicros(): number {
    const { pid = 0 } = this.#child;
    return [pid, ...childrenOf(pid)].reduce((sum, each) => sum + cpuMicrosOf(each), 0);
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.stdout?.destroy();
    this.#child.kill("SIGTERM");
    await exited;
  }
}

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number),
  );
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html: utime and stime follow the name in parentheses. */
function cpuMicrosOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * microsPerTick;
}
