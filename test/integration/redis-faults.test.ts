/** The broker for Redis when servers fail, go and come back, or are not what it needs. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { slotOf } from "../../packages/holdfast/src/brokers/redis/layout.js";
import { findFreePort } from "../../packages/holdfast/test/support/free-port.js";
import {
  noRedisReason,
  RedisServer,
  startRedisCluster,
  storeName,
} from "../../packages/holdfast/test/support/redis-server.js";
import { certFile, keyFile } from "../../packages/holdfast/test/support/tls.js";
import { ample, client, countTo, offsetsIn, publishMany, query } from "../conformance/broker/fixture.js";
import { headOf, open, servers, startServer, until } from "../support/redis-brokers.js";

const title = `broker for ${storeName}${noRedisReason === undefined ? "" : ` (${noRedisReason})`}`;

describe.skipIf(noRedisReason !== undefined)(title, () => {
  describe("refuses to open", () => {
    it("where no server listens", async () => {
      const port = await findFreePort();
      await expect(open(`redis://127.0.0.1:${port}`)).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringContaining(
          `Redis at 127.0.0.1:${port} cannot be reached: connect ECONNREFUSED`,
        ),
      });
    });

    it("with a wrong password or none, and does not show it", async () => {
      const { port } = await startServer("--requirepass", "right");
      for (const user of ["", ":wrong-one@"]) {
        const error = await open(`redis://${user}127.0.0.1:${port}`).catch((each: unknown) => each);
        expect(error).toMatchObject({
          code: "HF_BROKER_UNAVAILABLE",
          message: expect.stringMatching(/check user and password/),
        });
        expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("wrong-one");
      }
      await open(`redis://:right@127.0.0.1:${port}`);
    });

    it("a store of a later format", async () => {
      const { admin, url } = await startServer();
      await admin.hset("holdfast:store", "format", 3);
      await expect(open(url)).rejects.toMatchObject({
        code: "HF_STORE_NEWER",
        message: expect.stringMatching(/format 3, this version knows 2.*upgrade/),
      });
    });

    it("a server that is loading its data", async () => {
      const server = await startServer("--rdbcompression", "no");
      for (const n of countTo(20)) await server.admin.set(`key-${n}`, "x".repeat(3000));
      await server.admin.save();
      await server.kill();
      const slow = ["--key-load-delay", "400000", "--loading-process-events-interval-bytes", "1024"];
      const loaded = server.startAs(slow);
      await until(async () => {
        await expect(open(server.url)).rejects.toMatchObject({
          code: "HF_BROKER_UNAVAILABLE",
          message: expect.stringMatching(/loading/i),
        });
      });
      await loaded;
      await open(server.url);
    });

    it("a replica, telling its master", async () => {
      const master = await startServer();
      const { url } = await startServer("--replicaof", "127.0.0.1", String(master.port));
      await expect(open(url)).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringContaining(
          `read-only replica; the broker's URL must name its master, 127.0.0.1:${master.port}`,
        ),
      });
    });

    it("a server that evicts keys, unless that is accepted", async () => {
      const { url } = await startServer("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru");
      await expect(open(url)).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(/set maxmemory-policy noeviction, or accept it with allowEviction/),
      });
      await open(`${url}?allowEviction=true`);
    });

    it("where channels need the disk and the server does not flush", async () => {
      const { url, admin } = await startServer("--appendonly", "yes");
      await expect(open(url, { durability: "disk" })).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(/appendonly yes and appendfsync always, but .* appendfsync everysec/),
      });
      const { log } = await open(url);
      const disk = { retention: ample, durability: "disk" } as const;
      await expect(log.publish("news", { data: "1" }, disk)).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
      });
      await admin.config("SET", "appendfsync", "always");
      await (await open(url, { durability: "disk" })).log.publish("news", { data: "1" }, disk);
    });

    it("a cluster by the URL of one server, and the other way round", async () => {
      const { port } = await startServer();
      await expect(open(`redis-cluster://127.0.0.1:${port}`)).rejects.toMatchObject({
        message: expect.stringMatching(/cluster/),
      });
    });

    it("a server without TLS by rediss", async () => {
      const { port } = await startServer();
      await expect(open(`rediss://127.0.0.1:${port}`)).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
      });
    });

    it("a certificate of an unknown authority or another name", async () => {
      const port = await findFreePort();
      await startServer(
        ...["--tls-port", String(port), "--tls-cert-file", certFile, "--tls-key-file", keyFile],
        ...["--tls-ca-cert-file", certFile, "--tls-auth-clients", "no"],
      );
      const url = `rediss://127.0.0.1:${port}`;
      const refused = (reason: string) => ({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringMatching(new RegExp(`${reason}.*check rediss://, the name`, "i")),
      });
      await expect(open(url)).rejects.toMatchObject(refused("self-signed certificate"));
      const ca = readFileSync(certFile, "utf8");
      const named = (name: string) => open(`${url}?servername=${name}`, {}, { tls: { ca } });
      await expect(named("other")).rejects.toMatchObject(refused("altnames"));
      await publishMany((await named("localhost")).log, "news", 1);
    });
  });

  it("takes over a store of an earlier format, whose logs get another epoch", async () => {
    const { admin, url } = await startServer();
    await admin.hset("holdfast:store", "format", 1, "base", "b");
    await admin.hset(
      "holdfast:{c:news}:meta",
      "e",
      "old",
      "n",
      1,
      "b",
      6,
      "t",
      Date.now(),
      "r",
      "100 10000 600000",
    );
    await admin.rpush("holdfast:{c:news}:log", `${Date.now()} 0 1`);
    const { log } = await open(url);
    expect(await admin.hget("holdfast:store", "format")).toBe("2");
    const { publications, position } = await log.history("news", query());
    expect(publications).toMatchObject([{ offset: 1, data: "1" }]);
    expect(position.epoch).not.toBe("old");
  });

  it("keeps servers with different prefixes apart, and makes one of those with the same", async () => {
    const { url } = await startServer();
    const [one, other, same] = [
      await open(`${url}?prefix=a`),
      await open(`${url}?prefix=b`),
      await open(`${url}?prefix=a`),
    ];
    await publishMany(one.log, "news", 2);
    expect((await headOf(other.log))?.offset).toBe(0);
    expect((await headOf(same.log))?.offset).toBe(2);
  });

  it("needs no more than the permissions that docs/howto/redis.md lists", async () => {
    const { admin, port } = await startServer();
    const page = readFileSync(join(import.meta.dirname, "../../docs/howto/redis.md"), "utf8");
    const [, keys = "", commands = ""] =
      /`(~holdfast:\* &holdfast:\*)`[^`]*`(\+@read [^`]*)`/.exec(page) ?? [];
    await admin.call("acl", "setuser", "app", "on", ">pw", ...`${keys} ${commands}`.split(" "));
    const { log } = await open(`redis://app:pw@127.0.0.1:${port}`);
    await log.subscribe("news");
    const retention = { ...ample, keys: { maxKeys: 9, maxBytes: 10_000, ttlMs: 1000 } };
    const once = { retention, idempotencyKey: "k", owner: "user:ann" };
    await log.publish("news", { data: "1", key: "a" }, once);
    expect((await log.keys("news", { maxEntries: 9, maxBytes: 999, order: "score" })).numKeys).toBe(1);
    expect(await log.renewKey("news", "a")).toBe(true);
    await log.publish("news", { data: "2" }, { retention: ample });
    expect(await offsetsIn(log, "news")).toEqual([1, 2]);
    await log.removeHistory("news");
    await log.unsubscribe("news");
  });

  it("goes on after a restart of the server, with subscriptions, epoch and everything acknowledged", async () => {
    const server = await startServer("--appendonly", "yes", "--appendfsync", "always");
    const { broker, log, events } = await open(server.url);
    const { epoch } = await log.subscribe("news");
    await publishMany(log, "news", 20);
    await broker.idle();
    await server.kill();
    await until(() => expect(events.connection).toEqual(["disconnect"]));
    await expect(log.publish("news", { data: "1" }, { retention: ample })).rejects.toMatchObject({
      code: "HF_BROKER_UNAVAILABLE",
    });
    await server.start();
    await until(() => expect(events.connection).toEqual(["disconnect", "reconnect"]));
    expect(await headOf(log, { epoch, offset: 20 })).toEqual({ epoch, offset: 20 });
    await publishMany(log, "news", 1);
    await until(() => expect(events.offsets("news")).toEqual(countTo(21)));
  });

  it("gives a channel another epoch when the server has lost its log", async () => {
    const server = await startServer();
    const { log, events } = await open(server.url);
    const { epoch } = await log.subscribe("news");
    await publishMany(log, "news", 3);
    await server.kill();
    await server.start();
    await until(() => expect(events.connection).toEqual(["disconnect", "reconnect"]));
    const head = await headOf(log, { epoch, offset: 3 });
    expect(head?.offset).toBe(0);
    expect(head?.epoch).not.toBe(epoch);
  });

  it("gives a channel another epoch when everything was removed, also by a node that has not seen it", async () => {
    const { url, admin } = await startServer();
    const [first, second] = [await open(url), await open(url)];
    const { epoch } = await first.log.subscribe("news");
    await publishMany(first.log, "news", 3);
    await admin.flushall();
    const { position } = await second.log.publish("news", { data: "new" }, { retention: ample });
    expect(position.offset).toBe(1);
    expect(position.epoch).not.toBe(epoch);
    expect(await headOf(first.log, { epoch, offset: 3 })).toEqual(position);
  });

  it("rejects calls within its timeout while the server stands still, and goes on after", async () => {
    const server = await startServer();
    const { log, events } = await open(server.url);
    await log.subscribe("news");
    await publishMany(log, "news", 1);
    server.signal("SIGSTOP");
    await expect(log.history("news", query())).rejects.toMatchObject({
      code: "HF_BROKER_UNAVAILABLE",
      message: expect.stringContaining("no answer within 600 ms"),
    });
    expect(events.connection).toEqual(["disconnect"]);
    server.signal("SIGCONT");
    await until(() => expect(events.connection).toEqual(["disconnect", "reconnect"]));
    await publishMany(log, "news", 1);
    await until(() => expect(events.offsets("news")).toEqual([1, 2]));
  });

  it("keeps the order of publishes while the server's scripts are lost", async () => {
    const { url, admin } = await startServer();
    const { log } = await open(url, {}, { commandTimeoutMs: 5000 });
    const publishes: Promise<unknown>[] = [];
    for (const n of countTo(300)) {
      if (n % 100 === 50) await admin.script("FLUSH");
      publishes.push(log.publish("news", { data: String(n) }, { retention: ample }));
      if (n % 7 === 0) await new Promise(setImmediate);
    }
    await Promise.all(publishes);
    const { publications } = await log.history("news", query());
    expect(publications.map(({ data }) => Number(data))).toEqual(countTo(300));
  });

  it("refuses publishes when the server's memory is full, and takes them again when there is room", async () => {
    const { url, admin } = await startServer("--maxmemory", "20mb");
    const { log, events } = await open(url);
    await admin.config("SET", "maxmemory", "1mb");
    await expect(log.publish("news", { data: "1" }, { retention: ample })).rejects.toMatchObject({
      code: "HF_BROKER_FULL",
      message: expect.stringMatching(/maxmemory/),
    });
    await admin.config("SET", "maxmemory", "20mb");
    await publishMany(log, "news", 1);
    expect(events.connection).toEqual([]);
  });

  it("bounds what waits for the server", async () => {
    const server = await startServer();
    const { log } = await open(`${server.url}?maxPendingBytes=100000`);
    const data = JSON.stringify("x".repeat(10_000));
    const outcomes = await Promise.allSettled(
      countTo(20).map(() => log.publish("news", { data }, { retention: ample })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(9);
    expect(outcomes.at(-1)).toMatchObject({ reason: { code: "HF_BROKER_FULL" } });
    expect(await offsetsIn(log, "news")).toEqual(countTo(9));
  });

  it("follows Sentinel to a replica that is behind, and never puts two publications under one offset", async () => {
    const master = await startServer();
    await master.admin.call("acl", "setuser", "replica", "on", ">secret", "+@all");
    const replica = await startServer(
      ...["--replicaof", "127.0.0.1", String(master.port)],
      ...["--masteruser", "replica", "--masterauth", "secret"],
    );
    const sentinel = await startSentinel(master.port);
    await until(async () =>
      expect(await replica.admin.info("replication")).toContain("master_link_status:up"),
    );
    await until(async () =>
      expect(await sentinel.admin.call("sentinel", "replicas", "main")).toHaveLength(1),
    );
    const { log, events } = await open(`redis-sentinel://127.0.0.1:${sentinel.port}/main`);
    const { epoch } = await log.subscribe("news");
    await publishMany(log, "news", 5);
    await until(async () => expect(await replica.admin.llen("holdfast:{c:news}:log")).toBe(5));
    // The replica gets nothing more.
    await master.admin.call("acl", "setuser", "replica", "off");
    await master.admin.call("client", "kill", "type", "replica");
    await publishMany(log, "news", 5);
    await until(() => expect(events.offsets("news")).toEqual(countTo(10)));
    const before = events.publications.map(({ publication }) => publication);
    await master.kill();
    await until(() => expect(events.connection.at(-1)).toBe("reconnect"));
    const floors = [{ epoch, offset: 10 }];
    const { position } = await log.publish("news", { data: '"after"' }, { retention: ample, floors });
    expect(position.epoch).not.toBe(epoch);
    expect(position.offset).toBe(6);
    const { publications } = await log.history("news", query());
    expect(publications.slice(0, 5)).toEqual(before.slice(0, 5));
    await until(() => expect(events.publications.at(-1)).toMatchObject({ epoch: position.epoch }));
  }, 60_000);

  it("follows slots of a cluster to another master, with subscriptions, and keeps the order of publishes", async () => {
    const cluster = await startRedisCluster();
    servers.push(...cluster);
    const { log, events } = await open(
      `redis-cluster://127.0.0.1:${cluster[0]?.port}`,
      {},
      { commandTimeoutMs: 5000 },
    );
    await log.subscribe("news");
    const publishes: Promise<unknown>[] = [];
    let n = 0;
    const publish = () => publishes.push(log.publish("news", { data: String(++n) }, { retention: ample }));
    for (let i = 0; i < 20; i++) publish();
    const moving = moveSlot(cluster, Number(await cluster[0]?.admin.cluster("KEYSLOT", "{c:news}")));
    while (
      !(await Promise.race([moving.then(() => true), new Promise((r) => setTimeout(() => r(false), 5))]))
    )
      publish();
    for (let i = 0; i < 20; i++) publish();
    await Promise.all(publishes);
    const { publications } = await log.history("news", query());
    expect(publications.map(({ data }) => Number(data))).toEqual(countTo(n));
    await until(async () => {
      await publishMany(log, "news", 1);
      expect(events.publications.at(-1)?.publication.offset).toBeGreaterThan(n);
    });
  }, 60_000);

  it("nodes of a cluster hear each other while any master is away, and readers elsewhere notice nothing", async () => {
    const cluster = await startRedisCluster(["--cluster-require-full-coverage", "no"]);
    servers.push(...cluster);
    const urls = cluster.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const [first, second] = [await open(`redis-cluster://${urls}`), await open(`redis-cluster://${urls}`)];
    for (const dead of cluster) {
      const channels = await channelsByMaster(cluster);
      const near = channels.find(([, server]) => server !== dead)?.[0] as string;
      const far = channels.find(([, server]) => server === dead)?.[0] as string;
      for (const channel of [near, far]) await first.log.subscribe(channel);
      const told = first.events.connection.length;
      await dead.kill();
      await until(() => expect(first.events.connection.slice(told)).toEqual(["disconnect"]));
      await until(async () => {
        await second.broker.presence.add(near, client("ann"), 60_000);
        expect(await first.broker.presence.list(near)).toHaveLength(1);
      });
      const { position } = await second.log.publish(near, { data: "1" }, { retention: ample });
      await until(() => expect(first.events.offsets(near)).toContain(position.offset));
      await expect(first.log.heads([far])).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
      expect(await first.broker.cluster.nodes()).toHaveLength(2);
      await dead.start();
      await until(() => expect(first.events.connection.slice(told)).toEqual(["disconnect", "reconnect"]));
      await until(async () => void (await second.log.publish(far, { data: "1" }, { retention: ample })));
      await until(async () => {
        const { offset } = (await second.log.publish(far, { data: "1" }, { retention: ample })).position;
        await first.broker.idle();
        expect(first.events.offsets(far)).toContain(offset);
      });
      await second.broker.presence.remove(near, client("ann").client);
    }
  }, 120_000);

  it("opens while a master of a cluster is away, and serves its channels once it is back", async () => {
    const cluster = await startRedisCluster(["--cluster-require-full-coverage", "no"]);
    servers.push(...cluster);
    const urls = cluster.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const channels = await channelsByMaster(cluster);
    const home = await masterOfSlot(cluster, slotOf("holdfast:store"));
    const dead = cluster.find((server) => server !== home) as RedisServer;
    const near = channels.find(([, server]) => server === home)?.[0] as string;
    const far = channels.find(([, server]) => server === dead)?.[0] as string;
    await dead.kill();
    const { log, events } = await open(`redis-cluster://${urls}`);
    expect(events.connection).toEqual(["disconnect"]);
    await log.publish(near, { data: "1" }, { retention: ample });
    await expect(log.heads([far])).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    await dead.start();
    await until(() => expect(events.connection).toEqual(["disconnect", "reconnect"]));
    await until(async () => void (await log.subscribe(far)));
    const { position } = await log.publish(far, { data: "1" }, { retention: ample });
    await until(() => expect(events.offsets(far)).toContain(position.offset));
  }, 120_000);

  it("does not open while the master of a cluster is away that has the store's format, and names it", async () => {
    const cluster = await startRedisCluster(["--cluster-require-full-coverage", "no"]);
    servers.push(...cluster);
    const urls = cluster.map(({ port }) => `127.0.0.1:${port}`).join(",");
    const home = await masterOfSlot(cluster, slotOf("holdfast:store"));
    await home.kill();
    await expect(open(`redis-cluster://${urls}`)).rejects.toMatchObject({
      code: "HF_BROKER_UNAVAILABLE",
      message: expect.stringContaining(`Redis at 127.0.0.1:${home.port} cannot be reached`),
    });
  }, 120_000);

  it("goes on with the other slots of a cluster while a master is away", async () => {
    const cluster = await startRedisCluster(["--cluster-require-full-coverage", "no"]);
    servers.push(...cluster);
    const [living, dead] = cluster as [RedisServer, RedisServer];
    const { log, events } = await open(`redis-cluster://127.0.0.1:${living.port}`);
    const channels = countTo(50).map((n) => `news-${n}`);
    const [here, away] = await Promise.all(
      [living, dead].map(async ({ admin }) => {
        for (const channel of channels) {
          const slot = await admin.cluster("KEYSLOT", `{c:${channel}}`);
          const range = (await admin.cluster("SLOTS")).find(([from, to]) => from <= slot && slot <= to);
          if (range?.[2]?.[1] === admin.options.port) return channel;
        }
        throw new Error("no channel has a slot there");
      }),
    );
    const [near, far] = [here as string, away as string];
    for (const channel of [near, far]) await log.subscribe(channel);
    await dead.kill();
    await until(() => expect(events.connection).toEqual(["disconnect"]));
    expect([...(await log.heads([near, far])).keys()]).toEqual([near]);
    await expect(log.heads([far])).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    const [first, second] = await Promise.allSettled([log.subscribe(far), log.subscribe(near)]);
    expect([first.status, second.status]).toEqual(["rejected", "fulfilled"]);
    await living.admin.client("KILL", "TYPE", "pubsub");
    await until(async () => {
      const { position } = await log.publish(near, { data: "1" }, { retention: ample });
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(events.offsets(near).at(-1)).toBe(position.offset);
    });
  }, 60_000);
});

/** Channels, and the master that each is on. */
async function channelsByMaster(cluster: readonly RedisServer[]): Promise<[string, RedisServer][]> {
  const [{ admin }] = cluster as [RedisServer];
  const slots = (await admin.cluster("SLOTS")) as unknown as [number, number, [string, number]][];
  const found: [string, RedisServer][] = [];
  for (const n of countTo(50)) {
    const channel = `news-${n}`;
    const slot = slotOf(`{c:${channel}}`);
    const range = slots.find(([from, to]) => from <= slot && slot <= to);
    const master = cluster.find(({ port }) => port === range?.[2][1]);
    if (master) found.push([channel, master]);
  }
  return found;
}

async function masterOfSlot(cluster: readonly RedisServer[], slot: number): Promise<RedisServer> {
  const slots = (await cluster[0]?.admin.cluster("SLOTS")) as unknown as [number, number, [string, number]][];
  const range = slots.find(([from, to]) => from <= slot && slot <= to);
  return cluster.find(({ port }) => port === range?.[2][1]) as RedisServer;
}

async function startSentinel(masterPort: number): Promise<RedisServer> {
  const server = await startServer();
  const file = join(server.folder, "sentinel.conf");
  writeFileSync(
    file,
    `sentinel monitor main 127.0.0.1 ${masterPort} 1
sentinel down-after-milliseconds main 500
sentinel failover-timeout main 2000
`,
  );
  await server.kill();
  const sentinel = await RedisServer.start([file, "--sentinel"]);
  servers.push(sentinel);
  return sentinel;
}

/** Moves a slot to another master as redis-cli does. */
async function moveSlot(cluster: readonly RedisServer[], slot: number): Promise<void> {
  const ids = await Promise.all(cluster.map(({ admin }) => admin.cluster("MYID")));
  const counts = await Promise.all(cluster.map(({ admin }) => admin.cluster("COUNTKEYSINSLOT", slot)));
  const from = counts.findIndex((count) => Number(count) > 0);
  const to = (from + 1) % cluster.length;
  const [source, target] = [cluster[from] as RedisServer, cluster[to] as RedisServer];
  await target.admin.call("cluster", "setslot", slot, "importing", ids[from] as string);
  await source.admin.call("cluster", "setslot", slot, "migrating", ids[to] as string);
  for (;;) {
    const keys = (await source.admin.cluster("GETKEYSINSLOT", slot, 1)) as string[];
    if (keys.length === 0) break;
    await source.admin.migrate("127.0.0.1", target.port, "", 0, 1000, "KEYS", ...keys);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  for (const { admin } of [target, source, ...cluster])
    await admin.call("cluster", "setslot", slot, "node", ids[to] as string);
}
