/** Redis under torture: one server, or a primary and a replica under Sentinel. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { findFreePort } from "../../../packages/holdfast/test/support/free-port.js";
import {
  askRedis,
  createRedisServer,
  createSentinel,
  type StoreServer,
} from "../../support/store-servers.js";
import type { Recorder } from "../history.js";
import type { StoreFault } from "./node-plan.js";
import { killFor, type NodeStore, pauseFor, waitUntil } from "./node-store.js";

export class RedisStore implements NodeStore {
  readonly broker: string;
  readonly ports: readonly number[];
  readonly #server: StoreServer;
  readonly #recorder: Recorder;
  readonly #forgets: boolean;

  private constructor(server: StoreServer, recorder: Recorder, forgets: boolean) {
    this.#server = server;
    this.#recorder = recorder;
    this.#forgets = forgets;
    this.ports = [server.port];
    this.broker = `redis://127.0.0.1:${server.port}`;
  }

  static async create(
    folder: string,
    recorder: Recorder,
    appendfsync: "always" | "everysec",
  ): Promise<RedisStore> {
    const server = await createRedisServer({ port: await findFreePort(), folder, appendfsync });
    return new RedisStore(server, recorder, appendfsync === "everysec");
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  async carryOut(fault: StoreFault): Promise<void> {
    if (fault.kind === "storeSuspend") await pauseFor(this.#server, fault.ms);
    if (fault.kind !== "storeKill") return;
    await this.#server.kill();
    this.#recorder.end(this.#forgets ? "rollback" : "kill");
    await killFor(this.#server, fault.downMs);
  }

  async heal(): Promise<void> {
    this.#server.resume();
    if (!this.#server.isRunning) await this.#server.start();
  }

  async restart(): Promise<void> {
    if (!this.#forgets) await killFor(this.#server, 0);
  }

  async stop(): Promise<void> {
    await this.#server.kill();
  }
}

const primaryName = "torture";
/** Sentinel waits for twice its `failover-timeout` of 3 s before it promotes another one again. */
const promotionTimeoutMs = 60_000;
/** Whom a replica reads as; a primary that refuses it is soon ahead of its replica. */
const replicaLines = [
  "user replica on >secret ~* &* +psync +replconf +ping",
  "masteruser replica",
  "masterauth secret",
  "repl-diskless-sync-delay 0",
];

/**
 * A promotion ends the generation of all logs, whether a fault of the plan has caused it or a machine too busy for Sentinel's patience.
 * So it is Sentinel that is believed. What the old primary still takes until it follows the new one is gone.
 */
export class SentinelStore implements NodeStore {
  readonly broker: string;
  readonly ports: readonly number[];
  readonly #servers: readonly StoreServer[];
  readonly #sentinel: StoreServer;
  readonly #recorder: Recorder;
  #events: Redis | undefined;
  /** Of old primaries, until they follow a new one. */
  #demotions: Promise<void> = Promise.resolve();

  private constructor(servers: readonly StoreServer[], sentinel: StoreServer, recorder: Recorder) {
    this.#servers = servers;
    this.#sentinel = sentinel;
    this.#recorder = recorder;
    this.ports = [...servers, sentinel].map(({ port }) => port);
    this.broker = `redis-sentinel://127.0.0.1:${sentinel.port}/${primaryName}`;
  }

  static async create(folder: string, recorder: Recorder): Promise<SentinelStore> {
    const primaryPort = await findFreePort();
    const primary = await createRedisServer({
      port: primaryPort,
      folder: join(folder, "primary"),
      lines: replicaLines,
    });
    const replica = await createRedisServer({
      port: await findFreePort(),
      folder: join(folder, "replica"),
      replicaOf: primaryPort,
      lines: replicaLines,
    });
    const sentinel = await createSentinel({
      port: await findFreePort(),
      folder: join(folder, "sentinel"),
      primaryName,
      primaryPort,
    });
    return new SentinelStore([primary, replica], sentinel, recorder);
  }

  async start(): Promise<void> {
    for (const server of this.#servers) await server.start();
    await this.#sentinel.start();
    await this.#hasReplica();
    const events = new Redis({ port: this.#sentinel.port, host: "127.0.0.1" });
    this.#events = events;
    events.on("message", () => this.#promoted());
    await events.subscribe("+switch-master");
  }

  async carryOut(fault: StoreFault): Promise<void> {
    const primary = await this.#primary();
    if (fault.kind === "storeSuspend") {
      const server = fault.onLeader ? primary : this.#other(primary);
      await pauseFor(server, fault.ms);
    } else if (fault.kind === "failover") await this.#failOver(primary, fault);
    else throw new Error(`a primary and its replica have no ${fault.kind}`);
    await this.#hasReplica();
  }

  async heal(): Promise<void> {
    for (const server of this.#servers) {
      server.resume();
      if (!server.isRunning) await server.start();
    }
    await this.#hasReplica();
    await this.#demotions;
  }

  /** A restart of both would be a failover. */
  async restart(): Promise<void> {}

  async stop(): Promise<void> {
    this.#events?.disconnect();
    for (const server of [this.#sentinel, ...this.#servers]) await server.kill();
  }

  #promoted(): void {
    this.#recorder.end("rollback");
    this.#demotions = this.#demotions
      .then(() => this.#hasReplica())
      .catch(() => {})
      .then(() => this.#recorder.end("demotion"));
  }

  async #failOver(
    primary: StoreServer,
    { behindMs, isKilled, downMs }: Extract<StoreFault, { kind: "failover" }>,
  ): Promise<void> {
    await askRedis(primary.port, "ACL SETUSER replica off", "CLIENT KILL TYPE replica");
    await sleep(behindMs);
    if (isKilled) await primary.kill();
    else primary.pause();
    await waitUntil(
      "Sentinel promotes the replica",
      promotionTimeoutMs,
      async () => (await this.#primary()) !== primary,
    );
    await sleep(downMs);
    if (isKilled) await primary.start();
    else primary.resume();
    await askRedis(primary.port, "ACL SETUSER replica on");
  }

  /** One is the primary by all accounts, and the other follows it. */
  async #hasReplica(): Promise<void> {
    await waitUntil("there is a replica that follows the primary", promotionTimeoutMs, async () => {
      const primary = await this.#primary();
      const [role, other] = await Promise.all([
        askRedis(primary.port, "ROLE"),
        askRedis(this.#other(primary).port, "ROLE"),
      ]);
      return role.includes("master") && other.includes("slave") && other.includes("\nconnected");
    });
  }

  async #primary(): Promise<StoreServer> {
    const answer = await askRedis(this.#sentinel.port, `SENTINEL get-master-addr-by-name ${primaryName}`);
    const primary = this.#servers.find(({ port }) => answer.includes(`\n${port}\r`));
    if (primary === undefined) throw new Error(`Sentinel names no server of this run: ${answer}`);
    return primary;
  }

  #other(server: StoreServer): StoreServer {
    return this.#servers.find((each) => each !== server) as StoreServer;
  }
}
