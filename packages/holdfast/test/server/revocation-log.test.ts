import { describe, expect, it } from "vitest";
import { Revocations, revocationDurationMs } from "../../src/auth/revocations.js";
import { LmdbBroker } from "../../src/brokers/lmdb/lmdb-broker.js";
import { MemoryBroker } from "../../src/brokers/memory/memory-broker.js";
import type { LogEvents } from "../../src/channels/log.js";
import { HoldfastError } from "../../src/errors.js";
import { RevocationLog, revocationChannel } from "../../src/server/revocation-log.js";
import { systemClock } from "../../src/sockets/system-clock.js";
import { findChannelNameFault } from "../../src/wire/names.js";
import { brokerEvents } from "../channels/support/broker-events.js";
import { ControlledBroker } from "../channels/support/controlled-broker.js";
import { countTo } from "../channels/support/entries.js";
import { createCounter } from "../support/counter.js";
import { FakeClock, settle } from "../support/fake-clock.js";
import { createTemporaryFolder } from "../support/temporary-folder.js";

const day = 24 * 60 * 60 * 1000;

/** One broker, and the logs of as many nodes as a test wants. */
async function createNodes() {
  const clock = new FakeClock();
  const memory = new MemoryBroker({ clock, createEpoch: createCounter("epoch"), metaTtlMs: 1000 });
  const broker = new ControlledBroker(memory);
  const logs = new Set<RevocationLog>();
  const onPublication: LogEvents["onPublication"] = (channel, publication, epoch) => {
    if (channel === revocationChannel) for (const log of logs) log.receive(publication, epoch);
  };
  await broker.open(brokerEvents({ log: { onPublication, onDisconnect() {}, onReconnect() {} } }));
  const createNode = async ({ maxEntries = 100_000, maxSpareEntries = 10 } = {}) => {
    const revocations = new Revocations({ now: () => clock.now(), maxEntries });
    const errors: unknown[] = [];
    let told = 0;
    const log = new RevocationLog({
      log: broker.log,
      revocations,
      now: () => clock.now(),
      onRevoked: () => told++,
      maxSpareEntries,
      onError: (error) => errors.push(error),
    });
    logs.add(log);
    await log.open();
    const isRevoked = (user: string) => revocations.isRevoked({ user, issuedAt: clock.now() - 10_000 });
    return { log, revocations, errors, isRevoked, told: () => told };
  };
  const entries = async () => {
    const query = { maxEntries: 1_000_000, maxBytes: Number.MAX_SAFE_INTEGER, isReverse: false };
    return (await memory.log.history(revocationChannel, query)).publications;
  };
  const write = (data: string) =>
    memory.log.publish(
      revocationChannel,
      { data },
      { retention: { maxEntries: 1000, maxBytes: 1e9, ttlMs: revocationDurationMs } },
    );
  return { clock, memory, broker, logs, createNode, entries, write };
}

describe("log of revocations", () => {
  it("is in a channel that nobody can name", () => {
    expect(findChannelNameFault(revocationChannel)).toBeDefined();
  });

  it("has each in force at once, and acknowledges it when it is flushed to the disk", async () => {
    const { broker, createNode } = await createNodes();
    const node = await createNode();
    let isAcknowledged = false;
    broker.hold("publish");
    const added = node.log.add({ user: "ann" }).then(() => {
      isAcknowledged = true;
    });
    await settle();
    expect(node.isRevoked("ann")).toBe(true);
    expect(node.told()).toBeGreaterThan(0);
    expect(isAcknowledged).toBe(false);
    broker.release("publish");
    await added;
    expect(node.isRevoked("bob")).toBe(false);
  });

  it("asks the broker to flush them, and to keep them as long as they may last", async () => {
    const { broker, createNode } = await createNodes();
    const options: unknown[] = [];
    const { publish } = broker.log;
    broker.log.publish = (channel, publication, given) => {
      options.push(given);
      return publish.call(broker.log, channel, publication, given);
    };
    await (await createNode()).log.add({ user: "ann" });
    expect(options).toMatchObject([{ durability: "disk", isReserved: true, retention: { ttlMs: 30 * day } }]);
  });

  it("is read by a node that starts later, with all forms and their ends", async () => {
    const { clock, createNode } = await createNodes();
    const first = await createNode();
    const now = clock.now();
    await first.log.add({ user: "ann" });
    await first.log.add({ tokenId: "t-1" });
    await first.log.add({ user: "bob", issuedBefore: now });
    await first.log.add({ issuedBefore: now - 20_000, untilMs: now + 5000 });
    const second = await createNode();
    expect([...second.revocations]).toEqual([...first.revocations]);
    expect(second.revocations.isRevoked({ user: "x", tokenId: "t-1", issuedAt: now })).toBe(true);
    expect([second.isRevoked("ann"), second.isRevoked("bob"), second.isRevoked("eve")]).toEqual([
      true,
      true,
      false,
    ]);
    expect(second.errors).toEqual([]);
  });

  it("reaches nodes that are there, and tells them", async () => {
    const { createNode } = await createNodes();
    const [one, other] = [await createNode(), await createNode()];
    const before = other.told();
    await one.log.add({ user: "ann" });
    expect(other.isRevoked("ann")).toBe(true);
    expect(other.told()).toBe(before + 1);
  });

  it("is read again where events were lost, or the log has started afresh", async () => {
    const { broker, logs, memory, clock, createNode, write } = await createNodes();
    const [one, other] = [await createNode(), await createNode()];
    logs.delete(other.log);
    await one.log.add({ user: "ann" });
    logs.add(other.log);
    await one.log.add({ user: "bob" });
    await settle();
    expect([other.isRevoked("ann"), other.isRevoked("bob")]).toEqual([true, true]);
    await memory.log.unsubscribe(revocationChannel);
    await memory.log.removeHistory(revocationChannel);
    clock.advance(20_000);
    await broker.log.subscribe(revocationChannel);
    await write(JSON.stringify({ revocations: [{ user: "eve", untilMs: clock.now() + day }] }));
    await settle();
    expect([one.isRevoked("eve"), other.isRevoked("eve")]).toEqual([true, true]);
    expect([...one.errors, ...other.errors]).toEqual([]);
  });

  it("is read again by a check where the last event was lost, and only there", async () => {
    const { broker, logs, createNode } = await createNodes();
    const [one, other] = [await createNode(), await createNode()];
    logs.delete(other.log);
    await one.log.add({ user: "ann" });
    expect(other.isRevoked("ann")).toBe(false);
    const before = broker.count("history");
    await Promise.all([one.log.check(), other.log.check()]);
    expect(other.isRevoked("ann")).toBe(true);
    expect(broker.count("history")).toBe(before + 1);
  });

  it("refuses what could not be kept, though it is in force, and goes on after that", async () => {
    const { broker, createNode, entries } = await createNodes();
    const node = await createNode();
    broker.fail("publish", new HoldfastError("HF_BROKER_FULL"));
    await expect(node.log.add({ user: "ann" })).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    expect(node.isRevoked("ann")).toBe(true);
    broker.heal("publish");
    await node.log.add({ user: "ann" });
    expect(await entries()).toHaveLength(1);
  });

  it("does nothing about one that there is no room for", async () => {
    const { createNode, entries } = await createNodes();
    const node = await createNode({ maxEntries: 1 });
    await node.log.add({ user: "ann" });
    await expect(node.log.add({ user: "bob" })).rejects.toMatchObject({ code: "HF_REVOCATIONS_FULL" });
    expect(await entries()).toHaveLength(1);
  });

  it("does not open with fewer than there are, but reports those that come later", async () => {
    const { createNode } = await createNodes();
    const node = await createNode();
    const small = await createNode({ maxEntries: 1 });
    await node.log.add({ user: "ann" });
    await node.log.add({ user: "bob" });
    expect(small.errors).toMatchObject([{ code: "HF_REVOCATIONS_FULL" }]);
    await expect(createNode({ maxEntries: 1 })).rejects.toMatchObject({ code: "HF_REVOCATIONS_FULL" });
  });

  it("passes over what it cannot read, and says so", async () => {
    const { createNode, write, clock } = await createNodes();
    for (const data of ['"x"', '{"revocations":[{"nobody":1}]}', '{"revocations":5}']) await write(data);
    await write(JSON.stringify({ revocations: [{ user: "ann", untilMs: clock.now() + day }] }));
    const node = await createNode();
    expect(node.isRevoked("ann")).toBe(true);
    expect(node.errors).toHaveLength(3);
  });

  it("is silent about what fails when its server has ended", async () => {
    const { broker, createNode } = await createNodes();
    const node = await createNode();
    broker.fail("history");
    node.log.receive({ offset: 7, data: "{}", time: 0 }, "another epoch");
    await settle();
    expect(node.errors).toHaveLength(1);
    node.log.close();
    node.log.receive({ offset: 8, data: "{}", time: 0 }, "another epoch");
    await settle();
    expect(node.errors).toHaveLength(1);
  });
});

describe("length of the log", () => {
  it("stays bounded by what is in force, however often is revoked, and nothing is forgotten", async () => {
    const { createNode, entries, clock } = await createNodes();
    const node = await createNode();
    for (const n of countTo(250)) await node.log.add({ user: `once ${n}` });
    for (const _ of countTo(2000)) {
      clock.advance(1);
      await node.log.add({ user: "often" });
      await node.log.add({ issuedBefore: clock.now() - day });
    }
    await settle();
    expect((await entries()).length).toBeLessThan(251 + 2 * 10 + 10);
    const later = await createNode();
    expect([...later.revocations].sort(byText)).toEqual([...node.revocations].sort(byText));
    expect([...node.errors, ...later.errors]).toEqual([]);
  });

  it("loses none that are added at the same time", async () => {
    const { createNode, entries } = await createNodes();
    const node = await createNode();
    await Promise.all(countTo(2000).map((n) => node.log.add({ user: `${n % 700}` })));
    await Promise.all(countTo(500).map((n) => node.log.add({ user: `${n % 10}` })));
    await settle();
    expect((await entries()).length).toBeLessThan(1500);
    const later = await createNode();
    expect([...later.revocations].sort(byText)).toEqual([...node.revocations].sort(byText));
    expect([...node.errors, ...later.errors]).toEqual([]);
  });

  it("is not cut before what was not read yet, for other nodes have written that", async () => {
    const { createNode, logs, entries } = await createNodes();
    const [one, other] = [await createNode(), await createNode()];
    // One does not hear of anything, as on a line that is slow.
    logs.delete(one.log);
    await other.log.add({ user: "unheard" });
    for (const _ of countTo(40)) await one.log.add({ user: "often" });
    await settle();
    expect((await createNode()).isRevoked("unheard")).toBe(true);
    logs.add(one.log);
    for (const _ of countTo(40)) await one.log.add({ user: "often" });
    await settle();
    expect((await entries()).length).toBeLessThan(40);
    expect([(await createNode()).isRevoked("unheard"), one.isRevoked("unheard")]).toEqual([true, true]);
  });

  it("goes down to nothing when all have ended", async () => {
    const { createNode, entries, clock } = await createNodes();
    const node = await createNode();
    for (const n of countTo(50)) await node.log.add({ user: `${n}` });
    clock.advance(30 * day);
    expect(await entries()).toEqual([]);
    await node.log.add({ tokenId: "t-1" });
    const later = await createNode();
    expect(later.revocations.size).toBe(1);
  });

  it("holds none for longer than it is kept", async () => {
    const { createNode, clock } = await createNodes();
    const node = await createNode();
    await node.log.add({ user: "ann", untilMs: clock.now() + 365 * day });
    expect([...node.revocations]).toEqual([{ user: "ann", untilMs: clock.now() + 30 * day }]);
  });
});

describe("log of revocations on a store", () => {
  it("is as short, and complete, when the store is opened again", async () => {
    const folder = createTemporaryFolder("revocation-log");
    const errors: unknown[] = [];
    const onError = (error: unknown) => void errors.push(error);
    const open = async () => {
      const createEpoch = createCounter("epoch");
      const broker = new LmdbBroker({
        folder,
        clock: systemClock,
        createEpoch,
        schedule: setImmediate,
        onError,
      });
      const now = () => systemClock.now();
      const revocations = new Revocations({ now });
      const log = new RevocationLog({
        log: broker.log,
        revocations,
        now,
        onRevoked: () => {},
        maxSpareEntries: 20,
        onError,
      });
      await broker.open(
        brokerEvents({
          log: {
            onPublication: (_channel, publication, epoch) => log.receive(publication, epoch),
            onDisconnect() {},
            onReconnect() {},
          },
        }),
      );
      await log.open();
      return { broker, revocations, log };
    };
    const first = await open();
    for (const n of countTo(10)) {
      await Promise.all(countTo(50).map((user) => first.log.add({ user: `${user}` })));
      await first.log.add({ tokenId: `token ${n}` });
    }
    await first.broker.close();
    const second = await open();
    expect([...second.revocations].sort(byText)).toEqual([...first.revocations].sort(byText));
    const query = { maxEntries: 10_000, maxBytes: 1e9, isReverse: false };
    const { publications } = await second.broker.log.history(revocationChannel, query);
    // 511 were added.
    expect(publications.length).toBeLessThan(300);
    await second.broker.close();
    expect(errors).toEqual([]);
  });
});

function byText(one: object, other: object): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}
