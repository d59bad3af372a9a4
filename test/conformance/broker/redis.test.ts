import { connect as connectTcp, createServer, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe } from "vitest";
import { RedisBroker } from "../../../packages/holdfast/src/brokers/redis/redis-broker.js";
import { systemClock } from "../../../packages/holdfast/src/sockets/system-clock.js";
import type { Clock } from "../../../packages/holdfast/src/time/clock.js";
import { FakeClock } from "../../../packages/holdfast/test/support/fake-clock.js";
import {
  noRedisReason,
  RedisServer,
  startRedisCluster,
  storeName,
} from "../../../packages/holdfast/test/support/redis-server.js";
import type { BrokerCapabilities, BrokerFixture } from "./fixture.js";
import { describeBroker } from "./suite.js";

const hourMs = 60 * 60 * 1000;
const metaTtlMs = 24 * hourMs;
const boundedByServer = { lacks: "the server's maxmemory bounds them" };
const common = {
  maxChannels: boundedByServer,
  maxIdempotencyKeys: boundedByServer,
  survivesRestart: true,
  hasNodes: true,
  keepsFloors: true,
  canKillNodes: true,
} as const;
const single: BrokerCapabilities = {
  ...common,
  canMoveTime: true,
  // Up to a quarter more, so that not every publish sets it anew.
  forgetsIdleLogsAfterMs: 1.25 * metaTtlMs,
  canCutStore: true,
};
const cluster: BrokerCapabilities = {
  ...common,
  canMoveTime: { lacks: "time is the servers'" },
  forgetsIdleLogsAfterMs: { lacks: "time is the servers'" },
  canCutStore: { lacks: "a cluster tells its own addresses" },
};
const skipped = noRedisReason === undefined ? "" : ` (${noRedisReason})`;
const describeServers = describe.skipIf(noRedisReason !== undefined);
/** Data survives the machine, so that durability `disk` is kept. */
const flushed = ["--appendonly", "yes", "--appendfsync", "always"];

/** Another one for each test. */
let prefixes = 0;
const createPrefix = () => `test-${++prefixes}`;

function createBroker(url: string, prefix: string, clock: Clock = systemClock, time?: string): RedisBroker {
  return new RedisBroker(
    { url, prefix, commandTimeoutMs: 2000, metaTtlMs },
    {
      clock,
      schedule: (run) => void setImmediate(run),
      onError: () => {},
      beatIntervalMs: 200,
      deadAfterMs: 1000,
      helloWaitMs: time === undefined ? 50 : 0,
      ...(time !== undefined && { time }),
    },
  );
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
/** What peers and background work may take. */
const idleMs = 10;
/** As if the process was gone: no goodbye, and nothing is heard. */
const kill = async (peer: unknown) => void (await (peer as RedisBroker).log.close());

describeServers(`${storeName}${skipped}`, () => {
  let server: RedisServer;
  const lines: Line[] = [];
  beforeAll(async () => {
    server = await RedisServer.start(flushed);
  });
  afterAll(async () => {
    for (const line of lines) await line.cut();
    await server.stop();
  });

  /** Time is the test's, in the scripts, too. The server's keys expire when it has passed. */
  const create = async (): Promise<BrokerFixture> => {
    const { admin } = server;
    const prefix = createPrefix();
    // Initial epochs change with the hour, of which a test begins at the first minute.
    const clock = new FakeClock((Math.floor(Date.now() / hourMs) + 1) * hourMs);
    const time = `tonumber(redis.call('GET', '${prefix}:time'))`;
    const moveTo = async (ms: number) => {
      await admin.set(`${prefix}:time`, ms);
      await admin.eval(purge, 0, `${prefix}:{*`, ms);
    };
    const line = await Line.open(server.port);
    lines.push(line);
    await moveTo(clock.now());
    const broker = createBroker(`redis://127.0.0.1:${line.port}`, prefix, clock, time);
    let numKeys = 0;
    const idle = async () => {
      await pause(idleMs);
      await broker.idle();
      numKeys = (await admin.keys(`${prefix}:{*`)).length;
    };
    const advance = async (ms: number) => {
      // Nodes tell which channels they are subscribed to every five minutes.
      const step = Math.min(ms, 5 * 60_000);
      for (let left = ms; left > 0; left -= step) {
        const stepMs = Math.min(step, left);
        await moveTo(clock.now() + stepMs);
        const ranMs = Math.min(stepMs, 1000);
        clock.stop(stepMs - ranMs);
        clock.advance(ranMs);
        if (stepMs === ms) await pause(idleMs);
        await broker.idle();
      }
    };
    return {
      broker,
      clock,
      idle,
      advance,
      sizes: () => ({ ...broker.sizes, ...broker.log.sizes, numKeys }),
      reopen: async () => createBroker(server.url, prefix, clock, time),
      createPeer: async () => createBroker(server.url, prefix, clock, time),
      kill,
      cut: () => line.cut(),
      restore: () => line.restore(),
    };
  };

  describeBroker(storeName, create, single);
});

describeServers(`${storeName} Cluster${skipped}`, () => {
  let servers: readonly RedisServer[];
  beforeAll(async () => {
    servers = await startRedisCluster(flushed);
  });
  afterAll(() => Promise.all(servers.map((server) => server.stop())));

  const create = async (): Promise<BrokerFixture> => {
    const prefix = createPrefix();
    const url = `redis-cluster://127.0.0.1:${servers[0]?.port}`;
    const broker = createBroker(url, prefix);
    return {
      broker,
      idle: () => broker.idle(),
      sizes: () => ({ ...broker.sizes, ...broker.log.sizes }),
      reopen: async () => createBroker(url, prefix),
      createPeer: async () => createBroker(url, prefix),
      kill,
    };
  };

  describeBroker(`${storeName} Cluster`, create, cluster);
});

/** Removes keys as the server would at a time. */
const purge = `
for _, key in ipairs(redis.call('KEYS', ARGV[1])) do
  local at = redis.call('PEXPIRETIME', key)
  if at > 0 and at <= tonumber(ARGV[2]) then redis.call('DEL', key) end
end`;

/** A way to a server that can be cut. */
class Line {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server;

  private constructor(target: number, port: number, server: Server) {
    this.#target = target;
    this.port = port;
    this.#server = server;
    this.#serve();
  }

  static async open(target: number): Promise<Line> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Line(target, (server.address() as { port: number }).port, server);
  }

  async cut(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async restore(): Promise<void> {
    this.#server = createServer();
    this.#serve();
    await new Promise<void>((resolve) => this.#server.listen(this.port, "127.0.0.1", resolve));
  }

  #serve(): void {
    this.#server.on("connection", (near) => {
      const far = connectTcp(this.#target, "127.0.0.1");
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(from);
        from.setNoDelay(true);
        from.on("data", (data) => to.write(data));
        from.on("error", () => {});
        from.on("close", () => {
          this.#sockets.delete(from);
          to.destroy();
        });
      }
    });
  }
}
