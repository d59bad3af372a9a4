/** Real servers of NATS for tests: one, or a cluster of three, each with a store of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { connect as connectToNats } from "@nats-io/transport-node";
import { findFreePort } from "./free-port.js";
import { findClusterNats, findNats, type NatsProgram } from "./nats-programs.js";

/** Why there are no servers for tests; undefined if there are. With CI=true, they must be there. */
export const noNatsReason = findReason(findNats(), "nats-server");
/** The same for clusters. */
export const noNatsClusterReason = findReason(findClusterNats(), "nats-server 2.10.27 or later");

function findReason(program: NatsProgram | undefined, name: string): string | undefined {
  if (program !== undefined) return undefined;
  if (process.env.CI === "true") throw new Error(`${name} is not installed, and CI is true`);
  return `${name} is not installed`;
}

export class NatsServer {
  readonly port: number;
  readonly #file: string;
  readonly #program: NatsProgram;
  #process: ChildProcess | undefined;

  constructor(port: number, configFile: string, program: NatsProgram) {
    this.port = port;
    this.#file = configFile;
    this.#program = program;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** @param program another version than before */
  async start(program = this.#program): Promise<void> {
    this.#process = spawn(program.file, ["--config", this.#file], { stdio: "ignore" });
    while (!(await accepts(this.port))) {
      if (this.#process.exitCode !== null)
        throw new Error(`nats-server ended with ${this.#process.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** @param signal SIGKILL ends it at once; SIGSTOP and SIGCONT make it pause */
  async signal(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    running.kill(signal);
    if (signal === "SIGKILL" || signal === "SIGTERM") await once(running, "exit");
    // Its threads stop one after the other.
    if (signal === "SIGSTOP") await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

export interface NatsServers {
  /** Where each server keeps its store, by its number. */
  readonly folder: string;
  readonly servers: readonly NatsServer[];
  readonly addresses: string;
  stop(): Promise<void>;
}

/** A cluster that has no leader by then does not get one: servers that start at once may wait for each other without end. */
const formTimeoutMs = 30_000;
const maxTries = 3;

/**
 * @param more lines of configuration
 * @param program by default the machine's own for one server, and one that can replicate for three
 */
export async function startNatsServers(
  count: 1 | 3,
  more: readonly string[] = [],
  program = count === 1 ? findNats() : findClusterNats(),
): Promise<NatsServers> {
  if (program === undefined) throw new Error("no such nats-server is installed");
  const nats = await configure(count, more, program);
  try {
    const start = () => Promise.all(nats.servers.map((server) => server.start()));
    if (count === 1) await start();
    else await startTogether({ start, kill: () => killAll(nats.servers), isReady: () => canReplicate(nats) });
    return nats;
  } catch (error) {
    const logs = nats.servers.map((_, i) => readLog(join(nats.folder, `${i}.log`))).join("\n");
    await nats.stop();
    throw new Error(`the nats-servers did not start:\n${logs}`, { cause: error });
  }
}

/** Servers of a cluster that are started at once. */
interface Starting {
  /** May throw, too, where they do not become a cluster. */
  start(): Promise<unknown>;
  kill(): Promise<unknown>;
  /** Asked until it is so; may throw until then. */
  isReady(): Promise<boolean>;
}

/** Starts servers of a cluster, and ends and starts them again where they do not become one. */
export async function startTogether(servers: Starting): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await servers.start();
      await becomesReady(servers);
      return;
    } catch (error) {
      if (tries === maxTries) throw error;
    }
    await servers.kill();
  }
}

async function becomesReady({ isReady }: Starting): Promise<void> {
  let cause: unknown;
  for (const endsAt = Date.now() + formTimeoutMs; Date.now() < endsAt; ) {
    try {
      if (await isReady()) return;
    } catch (error) {
      cause = error;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the cluster of nats-servers was not ready after ${formTimeoutMs / 1000} s`, { cause });
}

/** What a crash of all machines is. */
export async function killAll(servers: readonly NatsServer[]): Promise<void> {
  await Promise.all(servers.map((server) => server.signal("SIGKILL")));
}

function readLog(file: string): string {
  return existsSync(file) ? readFileSync(file, "utf8").slice(-3000) : "";
}

/** Whether a stream can be kept three times. */
async function canReplicate({ addresses }: NatsServers): Promise<boolean> {
  const client = await connectToNats({ servers: addresses.split(",") });
  const stream = { name: "probe", subjects: ["probe"], num_replicas: 3, storage: "memory" };
  const ask = async (what: string, body: string) => {
    const answer = await client.request(`$JS.API.STREAM.${what}.probe`, body, { timeout: 2000 });
    return !("error" in answer.json<object>());
  };
  try {
    return (await ask("CREATE", JSON.stringify(stream))) && (await ask("DELETE", ""));
  } finally {
    await client.close();
  }
}

async function configure(count: 1 | 3, more: readonly string[], program: NatsProgram): Promise<NatsServers> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-nats-"));
  const ports: number[] = [];
  const routes: number[] = [];
  for (let i = 0; i < count; i++) {
    ports.push(await findFreePort());
    routes.push(await findFreePort());
  }
  const servers = ports.map((port, i) => {
    const file = join(folder, `${i}.conf`);
    const lines = [
      `listen: "127.0.0.1:${port}"`,
      `server_name: "test-${i}"`,
      `jetstream { store_dir: "${join(folder, String(i))}" }`,
      `log_file: "${join(folder, `${i}.log`)}"`,
      ...more,
    ];
    // A name of its own: a server that looks for one that is away may find one of another cluster at its port.
    if (count > 1)
      lines.push(
        `cluster { name: "${basename(folder)}", listen: "127.0.0.1:${routes[i]}", routes: [${routes.map((route) => `"nats://127.0.0.1:${route}"`).join(", ")}] }`,
      );
    writeFileSync(file, lines.join("\n"));
    return new NatsServer(port, file, program);
  });
  return {
    folder,
    servers,
    addresses: servers.map(({ address }) => address).join(","),
    stop: async () => {
      await Promise.all(
        servers.map(async (server) => {
          await server.signal("SIGCONT");
          await server.signal("SIGKILL");
        }),
      );
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
