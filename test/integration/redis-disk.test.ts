/** Durability `disk` on Redis and its replicas. */
import { describe, expect, it } from "vitest";
import {
  noRedisReason,
  type RedisServer,
  storeName,
} from "../../packages/holdfast/test/support/redis-server.js";
import { ample, countTo } from "../conformance/broker/fixture.js";
import { open, startServer, until } from "../support/redis-brokers.js";

const flushed = ["--appendonly", "yes", "--appendfsync", "always"];
const disk = { retention: ample, durability: "disk" } as const;
const title = `durability disk on ${storeName}${noRedisReason === undefined ? "" : ` (${noRedisReason})`}`;
/** Whether it has WAITAOF. */
const tellsFlushes = storeName === "Valkey";

async function startReplica(master: RedisServer, ...args: string[]): Promise<RedisServer> {
  const replica = await startServer("--replicaof", "127.0.0.1", String(master.port), ...args);
  await until(async () => expect(await master.admin.info("replication")).toContain("state=online"));
  return replica;
}

const waits = async ({ admin }: RedisServer) =>
  Number(/cmdstat_waitaof:calls=(\d+)/.exec(await admin.info("commandstats"))?.[1] ?? 0);

describe.skipIf(noRedisReason !== undefined)(title, () => {
  it("is kept by a server that flushes, with and without a replica", async () => {
    const master = await startServer(...flushed);
    const { log } = await open(master.url, { durability: "disk" }, { commandTimeoutMs: 5000 });
    await log.publish("news", { data: "1" }, disk);
    const replica = await startReplica(master, ...flushed);
    // Its first replica gives the server another replication id.
    await until(async () => void (await log.publish("news", { data: "1" }, disk)));
    await Promise.all(countTo(50).map((n) => log.publish("news", { data: String(n) }, disk)));
    if (tellsFlushes) {
      expect(await replica.admin.llen("holdfast:{c:news}:log")).toBeGreaterThanOrEqual(52);
      expect(await waits(master)).toBeLessThan(50);
    }
    await log.publish("news", { data: "1" }, { retention: ample });
  });

  it.each([
    ["appendfsync everysec", ["--appendonly", "yes"]],
    ["appendonly no", []],
  ])("is refused at the start with %s", async (setting, args) => {
    const { url } = await startServer(...args);
    await expect(open(url, { durability: "disk" })).rejects.toMatchObject({
      code: "HF_BROKER_UNSUPPORTED",
      message: expect.stringContaining(setting),
    });
  });

  describe.skipIf(!tellsFlushes)("with WAITAOF", () => {
    it("is refused at the start where the replica has no append-only file", async () => {
      const master = await startServer(...flushed);
      await startReplica(master);
      await expect(open(master.url, { durability: "disk" })).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(/no replica of Redis at .* appendonly yes on replicas/),
      });
      await open(master.url);
    });

    it("is not acknowledged while the replica stands still, and is once it has ended", async () => {
      const master = await startServer(...flushed);
      const replica = await startReplica(master, ...flushed);
      const { log, events } = await open(master.url, { durability: "disk" }, { commandTimeoutMs: 3000 });
      await log.publish("news", { data: "1" }, disk);
      replica.signal("SIGSTOP");
      await expect(log.publish("news", { data: "2" }, disk)).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringMatching(/no replica .* has flushed/),
      });
      // Others do not wait.
      await log.publish("news", { data: "3" }, { retention: ample });
      await replica.kill();
      await until(async () => void (await log.publish("news", { data: "4" }, disk)));
      expect(events.connection).toEqual([]);
    });

    it("is not acknowledged by a server that was replaced and came back", async () => {
      const master = await startServer(...flushed);
      const other = await startReplica(master, ...flushed);
      const { log } = await open(master.url, { durability: "disk" }, { commandTimeoutMs: 3000 });
      await log.publish("news", { data: "1" }, disk);
      await other.admin.replicaof("NO", "ONE");
      await master.admin.replicaof("127.0.0.1", other.port);
      await until(async () =>
        expect(await master.admin.info("replication")).toContain("master_link_status:up"),
      );
      await master.admin.replicaof("NO", "ONE");
      await expect(log.publish("news", { data: "2" }, disk)).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
      });
      await until(async () => void (await log.publish("news", { data: "3" }, disk)));
    });
  });
});
