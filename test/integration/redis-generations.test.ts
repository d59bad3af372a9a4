/** Servers that are promoted or come back without the last of what they had: no offset of an epoch has two contents, whoever was told. */
import { describe, expect, it } from "vitest";
import type { Position } from "../../packages/holdfast/src/wire/messages.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import {
  noRedisReason,
  type RedisServer,
  startRedisCluster,
  storeName,
} from "../../packages/holdfast/test/support/redis-server.js";
import { ample, countTo, publishMany, query } from "../conformance/broker/fixture.js";
import { headOf, open, servers, startServer, until } from "../support/redis-brokers.js";

type Log = Awaited<ReturnType<typeof open>>["log"];

const title = `generations of ${storeName}${noRedisReason === undefined ? "" : ` (${noRedisReason})`}`;
const asReplica = ["--masteruser", "replica", "--masterauth", "secret", "--repl-diskless-sync-delay", "0"];

/** A master and its replica, which has five publications of ten. */
async function startStaleReplica() {
  const master = await startServer(...asReplica);
  await letReplicate(master, true);
  const replica = await startServer("--replicaof", "127.0.0.1", String(master.port), ...asReplica);
  await letReplicate(replica, true);
  await hasLink(replica);
  const node = await open(master.url);
  const { epoch } = await node.log.subscribe("news");
  await publishMany(node.log, "news", 5);
  await until(async () => expect(await replica.admin.llen("holdfast:{c:news}:log")).toBe(5));
  await letReplicate(master, false);
  await publishMany(node.log, "news", 5);
  await until(() => expect(node.events.offsets("news")).toEqual(countTo(10)));
  return { master, replica, node, epoch };
}

async function letReplicate({ admin }: RedisServer, isOn: boolean): Promise<void> {
  await admin.call(
    "acl",
    "setuser",
    "replica",
    ">secret",
    "+psync",
    "+replconf",
    "+ping",
    isOn ? "on" : "off",
  );
  if (!isOn) await admin.call("client", "kill", "type", "replica");
}

async function hasLink({ admin }: RedisServer): Promise<void> {
  await until(async () => expect(await admin.info("replication")).toContain("master_link_status:up"));
}

async function publish(log: Log, data: string): Promise<Position> {
  return (await log.publish("news", { data }, { retention: ample })).position;
}

describe.skipIf(noRedisReason !== undefined)(title, () => {
  it("a replica that was behind goes on in another epoch, also for a node that knows of nothing", async () => {
    const { replica, epoch } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    const { log } = await open(replica.url);
    const position = await publish(log, '"other"');
    expect(position.offset).toBe(6);
    expect(position.epoch).not.toBe(epoch);
    expect(await headOf(log)).toEqual(position);
  });

  it.each([
    ["history", async (log: Log) => (await log.history("news", query())).position],
    ["heads", (log: Log) => headOf(log)],
    ["subscribe", (log: Log) => log.subscribe("news")],
    ["keys", async (log: Log) => (await log.keys("news", { maxEntries: 9, maxBytes: 999 })).position],
  ])("%s tells of it before anything is published", async (_, read) => {
    const { replica, epoch } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    const position = await read((await open(replica.url)).log);
    expect(position?.offset).toBe(5);
    expect(position?.epoch).not.toBe(epoch);
    expect(await headOf((await open(replica.url)).log)).toEqual(position);
  });

  it("a connection that outlives two changes of roles does not go on in the old epoch", async () => {
    const { master, replica, node, epoch } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    await master.admin.replicaof("127.0.0.1", replica.port);
    await hasLink(master);
    await master.admin.replicaof("NO", "ONE");
    const position = await publish(node.log, '"other"');
    expect(node.events.connection).toEqual([]);
    expect(position.offset).toBe(6);
    expect(position.epoch).not.toBe(epoch);
    await until(() => expect(node.events.publications.at(-1)).toMatchObject({ epoch: position.epoch }));
  });

  it("a server that has become a replica answers nothing on connections from before", async () => {
    const { master, replica, node } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    await master.admin.replicaof("127.0.0.1", replica.port);
    await hasLink(master);
    for (const call of [node.log.history("news", query()), headOf(node.log)])
      await expect(call).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    await until(() => expect(node.events.connection).toEqual(["disconnect"]));
  });

  it("an old master that is cut off and its successor use different epochs", async () => {
    const { replica, node, epoch } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    const { log } = await open(replica.url);
    const there = [await publish(log, '"a"'), await publish(log, '"b"')];
    const here = [await publish(node.log, '"c"'), await publish(node.log, '"d"')];
    expect(here.map(({ offset }) => offset)).toEqual([11, 12]);
    expect(here.map((position) => position.epoch)).toEqual([epoch, epoch]);
    expect(there.map(({ offset }) => offset)).toEqual([6, 7]);
    expect(there[0]?.epoch).not.toBe(epoch);
    expect(there[1]?.epoch).toBe(there[0]?.epoch);
  });

  it("channels without a log get another epoch with a promotion", async () => {
    const { replica, node } = await startStaleReplica();
    const { epoch } = await node.log.subscribe("empty");
    await replica.admin.replicaof("NO", "ONE");
    const { log } = await open(replica.url);
    expect((await log.subscribe("empty")).epoch).not.toBe(epoch);
  });

  it.each([
    ["always", true],
    ["everysec", false],
  ])("a restart with appendfsync %s keeps the epoch: %s", async (policy, isKept) => {
    const server = await startServer("--appendonly", "yes", "--appendfsync", policy);
    const { log, events } = await open(server.url);
    const { epoch } = await log.subscribe("empty");
    const { epoch: before } = await publish(log, "1");
    await server.kill();
    await server.start();
    await until(() => expect(events.connection).toEqual(["disconnect", "reconnect"]));
    expect((await publish(log, "2")).epoch === before).toBe(isKept);
    expect((await log.subscribe("empty")).epoch === epoch).toBe(isKept);
  });

  it("a restart as a server at another place does not keep the epoch", async () => {
    const flushed = ["--appendonly", "yes", "--appendfsync", "always"];
    const master = await startServer(...flushed);
    const replica = await startServer("--replicaof", "127.0.0.1", String(master.port), ...flushed);
    await hasLink(replica);
    const { log } = await open(master.url);
    const { epoch } = await publish(log, "1");
    await until(async () => expect(await replica.admin.llen("holdfast:{c:news}:log")).toBe(1));
    await replica.admin.replicaof("NO", "ONE");
    // What it was before is not to be seen any more.
    await replica.admin.config("REWRITE").catch(() => {});
    await replica.kill();
    await replica.startAs([...flushed]);
    expect(await replica.admin.info("replication")).toMatch(/role:master\r[\s\S]*master_replid2:0+\r/);
    expect((await publish((await open(replica.url)).log, "2")).epoch).not.toBe(epoch);
  });

  it("reading gives the new epoch also where memory is full, and publishing is refused", async () => {
    const { replica, epoch } = await startStaleReplica();
    await replica.admin.replicaof("NO", "ONE");
    const { log } = await open(replica.url);
    await replica.admin.config("SET", "maxmemory", "1mb");
    await expect(publish(log, "1")).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    const { publications, position } = await log.history("news", query());
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(5));
    expect(position.epoch).not.toBe(epoch);
    await expect(publish(log, "1")).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    await replica.admin.config("SET", "maxmemory", "0");
    expect(await publish(log, "1")).toEqual({ ...position, offset: 6 });
  });

  it("removing everything repeats no epoch, of channels with a log and without", async () => {
    const { url, admin } = await startServer();
    const [first, second] = [await open(url), await open(url)];
    const empty = await first.log.subscribe("empty");
    await publishMany(first.log, "news", 3);
    const before = await headOf(first.log);
    for (const remove of [() => admin.flushall(), () => admin.flushdb()]) {
      await remove();
      const position = await publish(second.log, '"new"');
      expect(position.offset).toBe(1);
      expect(position.epoch).not.toBe(before?.epoch);
      expect(await headOf(first.log, before)).toEqual(position);
      expect((await second.log.subscribe("empty")).epoch).not.toBe(empty.epoch);
    }
  });
});

describe.skipIf(noRedisReason !== undefined)(`${title} in a cluster`, () => {
  async function startCluster() {
    const cluster = await startRedisCluster(asReplica);
    servers.push(...cluster);
    const [first] = cluster as [RedisServer, ...RedisServer[]];
    const slots = (await first.admin.cluster("SLOTS")) as unknown as [number, number, [string, number]][];
    const slot = Number(await first.admin.cluster("KEYSLOT", "{c:news}"));
    const range = slots.find(([from, to]) => from <= slot && slot <= to);
    const master = cluster.find(({ port }) => port === range?.[2][1]) as RedisServer;
    return { cluster, master, url: `redis-cluster://127.0.0.1:${first.port}` };
  }

  it("removing everything of one master repeats no epoch there, and changes none elsewhere", async () => {
    const { master, url } = await startCluster();
    const [first, second] = [await open(url), await open(url)];
    const channels = countTo(60).map((n) => `channel-${n}`);
    const empty = countTo(60).map((n) => `empty-${n}`);
    for (const channel of channels) await publishMany(first.log, channel, 2);
    const before = await first.log.heads([...channels, ...empty]);
    await master.admin.flushall();
    const after = await second.log.heads([...channels, ...empty]);
    const gone = channels.filter((channel) => after.get(channel)?.offset === 0);
    expect(gone.length).toBeGreaterThan(0);
    expect(gone.length).toBeLessThan(channels.length);
    for (const channel of channels) {
      const isSame = after.get(channel)?.epoch === before.get(channel)?.epoch;
      expect(isSame, channel).toBe(!gone.includes(channel));
    }
    for (const channel of gone) {
      const { position } = await second.log.publish(channel, { data: "1" }, { retention: ample });
      expect(position).toEqual({ epoch: after.get(channel)?.epoch, offset: 1 });
    }
    const changed = empty.filter((channel) => after.get(channel)?.epoch !== before.get(channel)?.epoch);
    expect(changed.length).toBeGreaterThan(0);
    expect(changed.length).toBeLessThan(empty.length);
  });

  it("a replica that was behind goes on in another epoch when it takes over", async () => {
    const { cluster, master, url } = await startCluster();
    const replica = await addReplica(cluster, master);
    const node = await open(url);
    const { epoch } = await node.log.subscribe("news");
    await publishMany(node.log, "news", 5);
    await until(async () => expect(await replica.admin.call("dbsize")).toBe(await master.admin.dbsize()));
    await letReplicate(master, false);
    await publishMany(node.log, "news", 5);
    await until(() => expect(node.events.offsets("news")).toEqual(countTo(10)));
    await master.kill();
    await replica.admin.call("cluster", "failover", "takeover");
    await until(async () => expect(await replica.admin.cluster("INFO")).toContain("cluster_state:ok"));
    const other = await open(`redis-cluster://127.0.0.1:${replica.port}`);
    const position = await publish(other.log, '"other"');
    expect(position.offset).toBe(6);
    expect(position.epoch).not.toBe(epoch);
    await until(async () => expect(await headOf(node.log)).toEqual(position));
  }, 60_000);

  async function addReplica(cluster: readonly RedisServer[], master: RedisServer): Promise<RedisServer> {
    const args = ["--cluster-enabled", "yes", "--cluster-node-timeout", "1000", ...asReplica];
    const replica = await startServer(...args, "--cluster-port", String(await findFreePort()));
    for (const { admin } of [master, replica]) await letReplicate({ admin } as RedisServer, true);
    const busPort = Number(((await master.admin.config("GET", "cluster-port")) as string[])[1]);
    await replica.admin.call("cluster", "meet", "127.0.0.1", master.port, busPort);
    const id = (await master.admin.call("cluster", "myid")) as string;
    await until(() => replica.admin.call("cluster", "replicate", id).then(() => {}));
    await hasLink(replica);
    // Else it knows nobody once its master is gone, or nobody knows it: its master alone tells them.
    await until(async () => expect(await replica.admin.cluster("INFO")).toContain("cluster_slots_ok:16384"));
    const replicaId = (await replica.admin.call("cluster", "myid")) as string;
    for (const { admin } of cluster)
      await until(async () =>
        expect(await admin.cluster("NODES")).toMatch(new RegExp(`${replicaId} .* slave ${id} `)),
      );
    return replica;
  }
});
