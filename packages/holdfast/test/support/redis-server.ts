/** Real Redis servers for tests, on free ports, with their data in folders of their own. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";
import { findFreePort } from "./free-port.js";

export type RedisProgram = "redis-server" | "valkey-server";

/** Where scripts/valkey.mjs unpacks it. */
const unpackedValkey = join(import.meta.dirname, "../../../../.cache/servers/valkey-server");

let program: string = "redis-server";
/** What the servers are. */
export let storeName = "Redis";
/** Why there are no servers for tests; undefined if there are. With CI=true, they must be there. */
export let noRedisReason = findReason("redis-server");

/** All servers that are started from now on are of this program. */
export function serveWith(name: RedisProgram): void {
  program = isThere(name) ? name : unpackedValkey;
  storeName = name === "valkey-server" ? "Valkey" : "Redis";
  noRedisReason = findReason(name);
}

function findReason(name: RedisProgram): string | undefined {
  if (isThere(name) || (name === "valkey-server" && isThere(unpackedValkey))) return undefined;
  if (process.env.CI === "true") throw new Error(`${name} is not installed, and CI is true`);
  return `${name} is not installed`;
}

function isThere(name: string): boolean {
  return spawnSync(name, ["--version"]).status === 0;
}

export class RedisServer {
  readonly port: number;
  readonly folder = mkdtempSync(join(tmpdir(), "holdfast-redis-"));
  #args: readonly string[];
  #process: ChildProcess | undefined;
  #admin: Redis | undefined;
  /** Also where a test has failed before it could stop it. */
  readonly #onExit = () => void this.#process?.kill("SIGKILL");

  private constructor(port: number, args: readonly string[]) {
    this.port = port;
    this.#args = args;
  }

  /** @param args of redis-server; a configuration file and `--sentinel` make a sentinel */
  static async start(args: readonly string[] = [], port?: number): Promise<RedisServer> {
    const server = new RedisServer(port ?? (await findFreePort()), args);
    await server.start();
    return server;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** A connection for tests. */
  get admin(): Redis {
    this.#admin ??= this.connect();
    return this.#admin;
  }

  connect(): Redis {
    const redis = new Redis({ port: this.port, host: "127.0.0.1", retryStrategy: () => 20 });
    redis.on("error", () => {});
    return redis;
  }

  async start(): Promise<void> {
    const common = ["--port", String(this.port), "--bind", "127.0.0.1", "--dir", this.folder];
    const quiet = ["--save", "", "--loglevel", "warning", "--daemonize", "no"];
    this.#process = spawn(program, [...this.#args, ...common, ...quiet], {
      stdio: "ignore",
      cwd: this.folder,
    });
    process.once("exit", this.#onExit);
    const exited = once(this.#process, "exit").then(() => {
      throw new Error(`${program} ended: ${this.#args.join(" ")}`);
    });
    await Promise.race([this.#isReady(), exited]);
    exited.catch(() => {});
  }

  async #isReady(): Promise<void> {
    for (;;) {
      const redis = new Redis({
        port: this.port,
        host: "127.0.0.1",
        retryStrategy: () => null,
        lazyConnect: true,
        maxRetriesPerRequest: 0,
        enableReadyCheck: false,
      });
      redis.on("error", () => {});
      const answer = await redis
        .connect()
        .then(() => redis.ping())
        .catch((error: Error) => error.message);
      redis.disconnect();
      if (/^PONG|NOAUTH/.test(answer)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  /** Starts it again with other arguments. */
  async startAs(args: readonly string[]): Promise<void> {
    this.#args = args;
    await this.start();
  }

  signal(name: NodeJS.Signals): void {
    this.#process?.kill(name);
  }

  /** Ends it at once; `start` brings it back with what it has on disk. */
  async kill(): Promise<void> {
    const ended = this.#process && once(this.#process, "exit");
    this.#process?.kill("SIGKILL");
    await ended;
    this.#process = undefined;
    process.off("exit", this.#onExit);
  }

  async stop(): Promise<void> {
    this.#admin?.disconnect();
    if (this.#process && this.#process.exitCode === null) await this.kill();
    process.off("exit", this.#onExit);
    // A child of the server may still write what it replicates.
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 10 });
  }
}

/** Three masters without replicas. */
export async function startRedisCluster(more: readonly string[] = []): Promise<readonly RedisServer[]> {
  const args = [...more, "--cluster-enabled", "yes", "--cluster-node-timeout", "1000", "--cluster-port"];
  const servers: RedisServer[] = [];
  for (let i = 0; i < 3; i++) servers.push(await RedisServer.start([...args, String(await findFreePort())]));
  const [first, ...others] = servers as [RedisServer, ...RedisServer[]];
  const bounds = [0, 5461, 10_923, 16_384];
  for (const [i, { admin }] of servers.entries())
    await admin.call("cluster", "addslotsrange", bounds[i] as number, (bounds[i + 1] as number) - 1);
  for (const { port, admin } of others) {
    const busPort = Number(((await admin.config("GET", "cluster-port")) as string[])[1]);
    await first.admin.call("cluster", "meet", "127.0.0.1", port, busPort);
  }
  for (const { admin } of servers)
    while (!(await admin.cluster("INFO")).includes("cluster_state:ok"))
      await new Promise((r) => setTimeout(r, 20));
  return servers;
}
