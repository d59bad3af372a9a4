/**
 * A measured server in a process of its own: plain Node.js running the compiled file of bench/servers, so that neither
 * the load nor a TypeScript loader is in its numbers. It ends with this process.
 */
import { type ChildProcess, fork, spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Answers, Ask } from "../servers/answer-asks.js";
import type { Contender } from "./contenders.js";

const root = fileURLToPath(new URL("../../", import.meta.url));
const compiledFolder = join(root, ".cache/bench-servers");
const responseTimeoutMs = 30_000;
const exitTimeoutMs = 5000;

/** Compiles bench/servers. To be called once, before the first start. @throws Error with the compiler's words */
export function compileServers(): void {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", join(root, "bench/servers")], {
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`bench/servers does not compile:\n${stdout}`);
}

export interface ServerProcessOptions {
  /** Lets the process collect garbage before memory is measured. @default false */
  readonly exposeGc?: boolean;
  /** Arguments of the server's own. @default none */
  readonly args?: readonly string[];
  /** The core the process stays on, by `taskset`. @default any */
  readonly core?: number | undefined;
}

interface Message {
  readonly port?: number;
  readonly ask?: Ask;
  readonly answer?: unknown;
}

export class ServerProcess {
  readonly port: number;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  /** Resolves when the server listens. @throws Error when it ends before */
  static async start(
    contender: Pick<Contender, "name" | "server">,
    options: ServerProcessOptions = {},
  ): Promise<ServerProcess> {
    const { exposeGc = false, args = [], core } = options;
    const nodeArguments = exposeGc ? ["--expose-gc"] : [];
    const child = fork(join(compiledFolder, `${contender.server}.js`), args, {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
      env: { ...process.env, NODE_ENV: "production", NODE_OPTIONS: "" },
      ...(core === undefined
        ? { execArgv: nodeArguments }
        : { execPath: "taskset", execArgv: ["-c", String(core), process.execPath, ...nodeArguments] }),
    });
    const { port } = await nextMessage(
      child,
      `the port of ${contender.name}`,
      (message) => message.port !== undefined,
    );
    return new ServerProcess(child, port as number);
  }

  async ask<K extends Ask>(ask: K): Promise<Answers[K]> {
    const answered = nextMessage(this.#child, `the server's ${ask}`, (message) => message.ask === ask);
    this.#child.send({ ask });
    return (await answered).answer as Answers[K];
  }

  /** Ends it as a crash does, with SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    const exited = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    this.#child.kill("SIGKILL");
    await exited;
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
    const timer = setTimeout(() => child.kill("SIGKILL"), exitTimeoutMs);
    if (child.connected) child.disconnect();
    await exited;
    clearTimeout(timer);
  }
}

function nextMessage(
  child: ChildProcess,
  what: string,
  isWanted: (message: Message) => boolean,
): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: Message) => {
      if (isWanted(message)) settle(() => resolve(message));
    };
    const onExit = (code: number | null, signal: string | null) =>
      settle(() => reject(new Error(`the server ended (${signal ?? `code ${code}`}) before ${what} came`)));
    const onError = (error: Error) => settle(() => reject(error));
    const timer = setTimeout(() => {
      settle(() => reject(new Error(`${what} has not come within ${responseTimeoutMs / 1000} s`)));
    }, responseTimeoutMs);
    function settle(then: () => void): void {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit).off("error", onError);
      then();
    }
    child.on("message", onMessage).on("exit", onExit).on("error", onError);
  });
}

/** Keeps this process, with all its threads, on one core. Linux only. @throws Error when `taskset` fails */
export function pinThisProcess(core: number): void {
  const { status, stderr, error } = spawnSync("taskset", ["-acp", String(core), String(process.pid)], {
    encoding: "utf8",
  });
  if (status !== 0)
    throw new Error(`taskset could not pin to core ${core}: ${error?.message ?? stderr.trim()}`);
}
