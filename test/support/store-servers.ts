/**
 * Real servers of stores for tests: redis-server, redis-sentinel and nats-server as child processes on ports of 127.0.0.1, which
 * are killed, paused and started again. Their data is in a folder of the caller's.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { accessSync, constants } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findClusterNats } from "../../packages/holdfast/test/support/nats-programs.js";

export type StoreProgram = "redis-server" | "redis-sentinel" | "nats-server" | typeof clusterNats;

/** A nats-server that can keep replicas. */
export const clusterNats = "nats-server 2.10.27";

const startTimeoutMs = 60_000;
const pollMs = 20;
const maxErrorCharacters = 4000;

/** @returns its path; undefined where it is not installed */
export function findProgram(name: StoreProgram): string | undefined {
  if (name === clusterNats) return findClusterNats()?.file;
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin"];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Why tests with these programs are skipped; undefined where they run. With CI=true they are never skipped, and fail where a program
 * is missing.
 */
export function reasonToSkip(programs: readonly StoreProgram[]): string | undefined {
  const missing = programs.filter((name) => findProgram(name) === undefined);
  if (missing.length === 0 || process.env.CI === "true") return undefined;
  return `${missing.join(" and ")} not installed`;
}

export interface StoreServerOptions {
  readonly program: StoreProgram;
  readonly args: readonly string[];
  readonly port: number;
  /** Resolves with true once it serves. */
  readonly isReady: () => Promise<boolean>;
}

/** One process, which comes back on its port with its data. */
export class StoreServer {
  readonly port: number;
  readonly #options: StoreServerOptions;
  #child: ChildProcess | undefined;
  #isPaused = false;

  constructor(options: StoreServerOptions) {
    this.#options = options;
    this.port = options.port;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** @throws Error with the end of its output when it does not serve in time */
  async start(): Promise<void> {
    const { program, args, isReady } = this.#options;
    const path = findProgram(program);
    if (path === undefined) throw new Error(`${program} is not installed`);
    const child = spawn(path, args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    this.#isPaused = false;
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk) => {
        output = (output + chunk).slice(-maxErrorCharacters);
      });
    const deadline = Date.now() + startTimeoutMs;
    while (this.isRunning && Date.now() < deadline) {
      if (await isReady().catch(() => false)) return;
      await sleep(pollMs);
    }
    throw new Error(`${program} does not serve: ${output}`);
  }

  /** With no chance to do anything more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  pause(): void {
    this.#isPaused = this.#child?.kill("SIGSTOP") === true;
  }

  resume(): void {
    if (this.isRunning) this.#child?.kill("SIGCONT");
    this.#isPaused = false;
  }
}

export interface RedisServerOptions {
  readonly port: number;
  /** Its own; made where it is not there. */
  readonly folder: string;
  /** @default "always" */
  readonly appendfsync?: "always" | "everysec";
  /** Port of the primary that it replicates. */
  readonly replicaOf?: number;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}

/** Redis with an append-only file. Its configuration is a file, in which Sentinel changes whom it replicates. */
export async function createRedisServer(options: RedisServerOptions): Promise<StoreServer> {
  const { port, folder, appendfsync = "always", replicaOf, lines = [] } = options;
  const file = await writeConfig(folder, "redis.conf", [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    "appendonly yes",
    `appendfsync ${appendfsync}`,
    'save ""',
    ...(replicaOf === undefined ? [] : [`replicaof 127.0.0.1 ${replicaOf}`]),
    ...lines,
  ]);
  const isReady = async () => (await askRedis(port, "PING")).includes("+PONG");
  return new StoreServer({ program: "redis-server", args: [file], port, isReady });
}

export interface SentinelOptions {
  readonly port: number;
  readonly folder: string;
  readonly primaryName: string;
  readonly primaryPort: number;
  /** Sentinels that must agree. @default 1 */
  readonly quorum?: number;
  /** @default 500 */
  readonly downAfterMs?: number;
}

export async function createSentinel(options: SentinelOptions): Promise<StoreServer> {
  const { port, folder, primaryName, primaryPort, quorum = 1, downAfterMs = 500 } = options;
  const file = await writeConfig(folder, "sentinel.conf", [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor ${primaryName} 127.0.0.1 ${primaryPort} ${quorum}`,
    `sentinel down-after-milliseconds ${primaryName} ${downAfterMs}`,
    `sentinel failover-timeout ${primaryName} 3000`,
  ]);
  const isReady = async () => (await askRedis(port, "PING")).includes("+PONG");
  return new StoreServer({ program: "redis-sentinel", args: [file], port, isReady });
}

export interface NatsServerOptions {
  readonly port: number;
  /** Of its HTTP monitoring. */
  readonly monitorPort: number;
  /** Its own; made where it is not there. */
  readonly folder: string;
  readonly name?: string;
  readonly cluster?: {
    readonly name: string;
    readonly port: number;
    /** Ports at which it reaches the others. */
    readonly routes: readonly number[];
  };
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
}

/** NATS with JetStream. It serves once JetStream does, in a cluster once a leader is elected: start its servers together. */
export async function createNatsServer(options: NatsServerOptions): Promise<StoreServer> {
  const { port, monitorPort, folder, name = `n${port}`, cluster, lines = [] } = options;
  const file = await writeConfig(folder, "nats.conf", [
    `server_name: ${name}`,
    `listen: "127.0.0.1:${port}"`,
    `http: "127.0.0.1:${monitorPort}"`,
    `jetstream { store_dir: "${folder}" }`,
    ...(cluster ? describeCluster(cluster) : []),
    ...lines,
  ]);
  const isReady = async () => {
    const response = await fetch(`http://127.0.0.1:${monitorPort}/healthz`, {
      signal: AbortSignal.timeout(1000),
    });
    return response.ok;
  };
  return new StoreServer({
    program: cluster ? clusterNats : "nats-server",
    args: ["-c", file],
    port,
    isReady,
  });
}

function describeCluster({ name, port, routes }: NonNullable<NatsServerOptions["cluster"]>): string[] {
  const urls = routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ");
  // Others would else learn its port, and go around the proxies between the servers.
  return [
    `cluster { name: ${name}, listen: "127.0.0.1:${port}", advertise: "127.0.0.1:1", routes: [${urls}] }`,
  ];
}

async function writeConfig(folder: string, name: string, lines: readonly string[]): Promise<string> {
  await mkdir(folder, { recursive: true });
  const file = join(folder, name);
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}

/**
 * Sends commands to a Redis server or a Sentinel.
 * @returns all replies, as they came
 * @throws Error when it cannot be reached, or does not answer within a second
 */
export function askRedis(port: number, ...commands: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.setTimeout(1000, () => socket.destroy(new Error(`port ${port} does not answer`)));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
      let end: number | undefined = 0;
      for (let i = 0; i < commands.length && end !== undefined; i++) end = endOfReply(text, end);
      if (end === undefined) return;
      socket.destroy();
      resolve(text);
    });
    socket.on("error", reject);
    socket.on("close", () => reject(new Error(`port ${port} closed without an answer`)));
    socket.write(`${commands.join("\r\n")}\r\n`);
  });
}

/** @returns where the reply that begins there ends; undefined where it has not come whole */
function endOfReply(text: string, start: number): number | undefined {
  const lineEnd = text.indexOf("\r\n", start);
  if (lineEnd < 0) return undefined;
  const count = Number(text.slice(start + 1, lineEnd));
  let end: number | undefined = lineEnd + 2;
  if (text[start] === "$" && count >= 0) end += count + 2;
  if (text[start] === "*") for (let i = 0; i < count && end !== undefined; i++) end = endOfReply(text, end);
  return end !== undefined && end <= text.length ? end : undefined;
}
