/** What goes wrong with NATS: servers that are away, lost data, wrong options, missing rights, and what errors say. */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { resolveNatsOptions } from "../../../packages/holdfast/src/brokers/nats/nats-options.js";
import { LogWithFloors } from "../../../packages/holdfast/src/channels/floors.js";
import type { Position } from "../../../packages/holdfast/src/wire/messages.js";
import {
  type NatsServer,
  type NatsServers,
  noNatsReason,
  startNatsServers,
} from "../../../packages/holdfast/test/support/nats-servers.js";
import { certFile, keyFile } from "../../../packages/holdfast/test/support/tls.js";
import { ample, countTo, offsetsIn, publishMany, query } from "./fixture.js";
import { NatsNodes, until } from "./nats-nodes.js";

const password = "s3cret";

const skipped = noNatsReason === undefined ? "" : ` (${noNatsReason})`;

describe.skipIf(noNatsReason !== undefined)(`faults of NATS${skipped}`, () => {
  const started: { stop(): Promise<void> }[] = [];

  afterEach(async () => {
    for (const each of started.splice(0).reverse()) await each.stop();
  });

  async function start(more: readonly string[] = []) {
    const nats = await startNatsServers(1, more);
    started.push(nats);
    const [server] = nats.servers as [NatsServer];
    const nodes = connectTo(nats);
    return { nats, server, nodes };
  }

  function connectTo(nats: NatsServers, addresses = nats.addresses) {
    const nodes = new NatsNodes(addresses);
    started.push({ stop: () => nodes.close() });
    return nodes;
  }

  describe("server that goes away", () => {
    it("makes calls fail within seconds, and is told of in turns", async () => {
      const { server, nodes } = await start();
      const { broker, events } = await nodes.open();
      await broker.log.subscribe("a");
      await publishMany(broker.log, "a", 3);
      await server.signal("SIGKILL");
      await until("the node has noticed", () => events.connection.length > 0);
      const calls = [
        () => broker.log.publish("a", { data: "4" }, { retention: ample }),
        () => broker.log.history("a", query()),
        () => broker.log.heads(["a"]),
        () => broker.log.subscribe("b"),
        () => broker.log.removeHistory("a"),
      ];
      for (const call of calls) await expect(call()).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
      await server.start();
      await until("the node is connected", () => events.connection.length > 1);
      expect(events.connection).toEqual(["disconnect", "reconnect"]);
      const { position } = await broker.log.publish("a", { data: "4" }, { retention: ample });
      expect(position.offset).toBe(4);
      expect(await offsetsIn(broker.log, "a")).toEqual(countTo(4));
      await until("the subscription is back", () => events.offsets("a").includes(4));
    });

    it("fails calls that wait for it when it stops to answer", async () => {
      const { server, nodes } = await start();
      const { broker } = await nodes.open({ requestTimeoutMs: 500 });
      await publishMany(broker.log, "a", 1);
      await server.signal("SIGSTOP");
      const calls = [
        // Each goes alone, and none waits for the ones before to fail in turn.
        ...countTo(20).map((n) =>
          broker.log.publish("a", { data: "2" }, { retention: ample, idempotencyKey: `k-${n}` }),
        ),
        broker.log.publish("b", { data: "2" }, { retention: ample }),
        broker.log.history("a", query()),
      ];
      for (const call of calls) await expect(call).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
      expect(broker.log.sizes.backlogBytes).toBe(0);
      await server.signal("SIGCONT");
      // The publish that was sent may have taken effect.
      const { position } = await broker.log.publish("a", { data: "3" }, { retention: ample });
      expect(await offsetsIn(broker.log, "a")).toEqual(countTo(position.offset));
    });

    it("and comes back with an older store, even twice, makes the log start a new epoch", async () => {
      const { nats, server, nodes } = await start();
      const { broker, events } = await nodes.open();
      const log = new LogWithFloors(broker.log);
      await publishMany(log, "a", 3);
      await server.signal("SIGTERM");
      const store = join(nats.folder, "0");
      cpSync(store, `${store}.old`, { recursive: true });
      await server.start();
      await until("the node is connected", () => events.connection.length === 2);
      await publishMany(log, "a", 2);
      const first = (await log.heads(["a"])).get("a") as Position;
      expect(first.offset).toBe(5);
      const goBack = async () => {
        const { length } = events.connection;
        await server.signal("SIGKILL");
        rmSync(store, { recursive: true });
        cpSync(`${store}.old`, store, { recursive: true });
        await server.start();
        await until("the node is connected", () => events.connection.length === length + 2);
      };
      await goBack();
      const publish = (data: string) => log.publish("a", { data }, { retention: ample });
      const results = await Promise.all(countTo(3).map((n) => publish(`new ${n}`)));
      expect(results.map(({ position }) => position.offset)).toEqual([4, 5, 6]);
      expect(new Set(results.map(({ position }) => position.epoch)).size).toBe(1);
      const second = results.at(-1)?.position as Position;
      expect(second.epoch).not.toBe(first.epoch);
      const { publications } = await broker.log.history("a", query());
      expect(publications.map(({ data }) => data)).toEqual(["1", "2", "3", "new 1", "new 2", "new 3"]);
      // To where it knows nothing of the second epoch.
      await goBack();
      const third = (await publish("newer")).position;
      expect(third.offset).toBe(4);
      expect([first.epoch, second.epoch]).not.toContain(third.epoch);
    });
  });

  describe("start", () => {
    it("says where nobody listens", async () => {
      const { nats, server } = await start();
      await server.signal("SIGKILL");
      const address = `user:${password}@${nats.addresses}`;
      const failed = connectTo(nats, address).open();
      await expect(failed).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringContaining(`cannot connect to NATS at ${nats.addresses}: `),
      });
      await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining(password) });
    });

    it("says that credentials are wrong, without them", async () => {
      const { nats } = await start([`authorization { user: holdfast, password: right }`]);
      const failed = connectTo(nats, `holdfast:${password}@${nats.addresses}`).open();
      await expect(failed).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringMatching(/password/),
      });
      await expect(failed).rejects.not.toMatchObject({ message: expect.stringContaining(password) });
      const { broker } = await connectTo(nats, `holdfast:right@${nats.addresses}`).open();
      await publishMany(broker.log, "a", 1);
    });

    it("takes a token", async () => {
      const { nats } = await start([`authorization { token: "${password}" }`]);
      const { broker } = await connectTo(nats, `${password}@${nats.addresses}`).open();
      await publishMany(broker.log, "a", 1);
    });

    it("says that JetStream is disabled for the account", async () => {
      const { nodes } = await start([
        `accounts { A { users: [{ user: a, password: a }] } }`,
        "no_auth_user: a",
      ]);
      await expect(nodes.open()).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringContaining("JetStream is disabled"),
      });
    });

    it("says which right is missing", async () => {
      const { nodes } = await start([
        `authorization { users: [{ user: a, password: a, permissions: { publish: { deny: ["$JS.API.STREAM.CREATE.>"] } } }] }`,
        "no_auth_user: a",
      ]);
      await expect(nodes.open()).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringMatching(/denies publishing to \$JS\.API\.STREAM\.CREATE/),
      });
    });

    it("refuses streams that were made with other limits, and names them", async () => {
      const { nodes } = await start();
      await nodes.open();
      await expect(nodes.open({ maxBytes: 2 ** 20 })).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(/max_bytes is 33554432 instead of 524288/),
      });
      await expect(nodes.open({ streams: 3 })).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(/set it to 2/),
      });
      await nodes.open();
    });

    it.each([
      ["of others", "somebody's", "HF_BROKER_UNSUPPORTED"],
      ["of a newer version", "Holdfast log, format 9, stream 0 of 2, epochs x", "HF_STORE_NEWER"],
    ])("refuses a stream %s", async (_whose, description, code) => {
      const { nodes } = await start();
      const name = `${nodes.prefix}_log_0`;
      await nodes.api(`STREAM.CREATE.${name}`, {
        name,
        description,
        subjects: [`${nodes.prefix}.log.0.>`],
        storage: "memory",
      });
      await expect(nodes.open()).rejects.toMatchObject({ code });
    });

    it("refuses replicas that a single server cannot have", async () => {
      const { nodes } = await start();
      await expect(nodes.open({ replicas: 3 })).rejects.toMatchObject({
        code: expect.stringMatching(/HF_BROKER_/),
        message: expect.stringMatching(/create stream .*replicas|too old for 3 replicas/),
      });
    });

    it.each([
      [{ hasMaps: true, durability: "process" }, /maps/],
      [{ hasMaps: false, durability: "disk" }, /disk/],
    ] as const)("refuses what it cannot keep: %j", async (needs, message) => {
      const { nodes } = await start();
      await expect(nodes.open({}, undefined, needs)).rejects.toMatchObject({
        code: "HF_BROKER_UNSUPPORTED",
        message: expect.stringMatching(message),
      });
    });

    it("trusts a certificate that it is given, and no other", async () => {
      const { nats } = await start([`tls { cert_file: "${certFile}", key_file: "${keyFile}" }`]);
      const addresses = nats.addresses.replace("127.0.0.1", "localhost");
      await expect(connectTo(nats, addresses).open()).rejects.toMatchObject({
        code: "HF_BROKER_UNAVAILABLE",
        message: expect.stringMatching(/TLS/),
      });
      const nodes = new NatsNodes(addresses);
      const { broker } = await nodes.open({ url: `tls://${addresses}`, caFile: certFile, streams: 2 });
      await publishMany(broker.log, "a", 1);
      await broker.close();
    });
  });

  it("streams that are full refuse publications, and keep what they have", async () => {
    const { nodes } = await start();
    const { broker } = await nodes.open({ maxBytes: 2 ** 20 });
    const data = JSON.stringify("x".repeat(50_000));
    let taken = 0;
    const fill = async (): Promise<unknown> => {
      for (; taken < 100; taken++) await broker.log.publish("a", { data }, { retention: ample });
      return undefined;
    };
    await expect(fill()).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    expect(taken).toBeGreaterThan(5);
    expect((await offsetsIn(broker.log, "a")).length).toBe(taken);
  });

  it("streams that users have filled still take what the server publishes", async () => {
    const { nodes } = await start();
    const first = (await nodes.open({ maxBytes: 2 ** 20 })).broker;
    const data = JSON.stringify("x".repeat(10_000));
    for (const _ of countTo(49))
      await first.log.publish("a", { data }, { retention: ample, owner: "user:ann" });
    // How full the streams are is read at the start.
    const { broker } = await nodes.open({ maxBytes: 2 ** 20 });
    const publish = (owner?: string) =>
      broker.log.publish("a", { data: "1" }, { retention: ample, ...(owner !== undefined && { owner }) });
    await expect(publish("user:ann")).rejects.toMatchObject({
      code: "HF_BROKER_FULL",
      message: expect.stringContaining("maxBytes"),
    });
    expect((await publish()).position.offset).toBe(50);
  });
});

describe("options of the NATS broker", () => {
  it("come from the URL", () => {
    expect(
      resolveNatsOptions({
        url: "nats://us%20er:p%40ss@a,b:4333/?prefix=x&replicas=3&streams=32&maxAgeMs=86400000",
      }),
    ).toMatchObject({
      servers: ["a:4222", "b:4333"],
      user: "us er",
      password: "p@ss",
      token: undefined,
      isTls: false,
      prefix: "x",
      replicas: 3,
      streams: 32,
      maxAgeMs: 86_400_000,
    });
    expect(resolveNatsOptions({ url: "tls://t0ken@[::1]:4222" })).toMatchObject({
      servers: ["[::1]:4222"],
      token: "t0ken",
      isTls: true,
    });
  });

  it.each([
    ["nats://", /must be a URL/],
    ["http://a", /must be a URL/],
    ["nats://a:99999", /ports/],
    ["nats://a,,b", /hosts/],
    ["nats://u:%zz@a", /percent-encoded/],
    ["nats://a?replica=3", /unknown replica .*replicas/],
    ["nats://a?replicas=2", /1, 3 or 5/],
    ["nats://a?streams=65", /from 1 to 64/],
    ["nats://a?streams=x", /from 1 to 64/],
    ["nats://a?prefix=a.b", /prefix/],
    ["nats://a?maxAgeMs=1", /maxAgeMs/],
  ])("refuse %s", (url, message) => {
    expect(() => resolveNatsOptions({ url })).toThrow(message);
  });

  it("never show a password", () => {
    for (const url of [
      `nats://u:${password}@a:0`,
      `nats://u:${password}@a?x=1`,
      `nats://u:${password}%zz@a`,
      `nats:/u:${password}@`,
    ])
      expect(() => resolveNatsOptions({ url })).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining(password) }),
      );
  });
});
