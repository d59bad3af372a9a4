/** Runs the built `holdfast` command as its users do. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { endWithTest } from "../support/child-process.js";
import { until } from "../support/server.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

const main = join(import.meta.dirname, "../../bin/holdfast.js");

export class CliRun {
  readonly child: ChildProcess;
  out = "";
  err = "";
  readonly #exited: Promise<number | null>;

  /** @param cwd the folder it runs in; that of the tests by default. @param program another one than `holdfast` */
  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string, program = main) {
    // Unless a test says otherwise, nothing is left behind in the folder it runs in.
    const variables: NodeJS.ProcessEnv = { ...process.env, HOLDFAST_DATA: "memory", ...env };
    // Of the tests themselves, and no option that the command would know.
    delete variables.HOLDFAST_TEST_CHROMIUM;
    this.child = spawn(process.execPath, [program, ...args], { env: variables, cwd });
    this.child.stdout?.on("data", (chunk) => {
      this.out += chunk;
    });
    this.child.stderr?.on("data", (chunk) => {
      this.err += chunk;
    });
    this.#exited = new Promise((resolve) => this.child.on("close", resolve));
    endWithTest(this.child);
  }

  get lines(): string[] {
    return this.out.split("\n").filter((line) => line !== "");
  }

  /** The exit code, once the process has ended. */
  exit(): Promise<number | null> {
    return this.#exited;
  }

  type(text: string): void {
    this.child.stdin?.write(text);
  }

  endInput(): void {
    this.child.stdin?.end();
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  async untilSaid(pattern: RegExp): Promise<void> {
    await until(() => pattern.test(this.out) || pattern.test(this.err) || this.child.exitCode !== null);
  }
}

/** Runs a command to its end. */
export async function runCli(
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
  cwd?: string,
  input = "",
  program?: string,
) {
  const run = new CliRun(args, env, cwd, program);
  run.type(input);
  run.endInput();
  const code = await run.exit();
  return { code, out: run.out, err: run.err, lines: run.lines };
}

/** A free port, and a store that goes with the test, unless something else is asked for. */
function defaultsBeside(args: readonly string[]): string[] {
  const port = args.includes("--port") ? [] : ["--port", "0"];
  if (args.includes("--data")) return port;
  const data = createTemporaryFolder("cli");
  return [...port, "--data", data];
}

/** A server that runs until the test ends. */
export function serve(...args: string[]): Promise<ServerRun> {
  return untilServed(new CliRun(["serve", ...defaultsBeside(args), ...args]));
}

/** The same of another program that takes the flags of `holdfast serve`. */
export function serveWith(program: string, ...args: string[]): Promise<ServerRun> {
  return untilServed(new CliRun([...defaultsBeside(args), ...args], {}, undefined, program));
}

export interface ServerRun {
  readonly run: CliRun;
  readonly url: string;
  readonly port: number;
}

async function untilServed(run: CliRun): Promise<ServerRun> {
  await run.untilSaid(/is listening on/);
  const url = /https?:\/\/localhost:(\d+)/.exec(run.out);
  if (url === null) throw new Error(`no address in: ${run.out}${run.err}`);
  return { run, url: url[0], port: Number(url[1]) };
}
