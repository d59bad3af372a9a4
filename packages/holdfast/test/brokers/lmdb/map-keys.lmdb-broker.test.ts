import fc from "fast-check";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import { LogIndex } from "../../../src/brokers/lmdb/log-index.js";
import type { Broker } from "../../../src/channels/broker.js";
import type { Payload } from "../../../src/wire/payload.js";
import { holdTransaction } from "./support/faults.js";
import { checkpointDelayMs, crashCopyOf, createFolder, openBroker } from "./support/store.js";

const keys = { maxKeys: 10_000, maxBytes: 10_000_000 };
const retentions = [
  { ...ample, keys },
  { ...ample, maxEntries: 3, keys },
  { maxEntries: 0, maxBytes: 0, ttlMs: 0, keys },
];

async function stateOf(broker: Broker, channel = "map"): Promise<Map<string, Payload>> {
  const { publications } = await broker.log.keys(channel, { maxEntries: 100_000, maxBytes: 1e9 });
  return new Map(publications.map(({ key = "", data }) => [key, data]));
}

function put(broker: Broker, key: string, data: string, retention = retentions[0] as (typeof retentions)[0]) {
  return broker.log.publish("map", { key, data }, { retention });
}

function remove(broker: Broker, key: string, retention = retentions[0] as (typeof retentions)[0]) {
  return broker.log.publish("map", { key, data: "null", isRemoved: true }, { retention });
}

type Step =
  | { readonly kind: "put"; readonly key: string; readonly data: number }
  | { readonly kind: "remove"; readonly key: string }
  | { readonly kind: "checkpoint" | "restart" | "crash" };

const key = fc.constantFrom("a", "b", "c", "ä", "a\u0001", "~");
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("put" as const), key, data: fc.nat() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("remove" as const), key }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom("checkpoint", "restart", "crash") }) },
);

describe("keys in a store", () => {
  it("match a model through any writes and crashes", async () => {
    const runs = fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.constantFrom(...retentions),
      async (steps, retention) => {
        let folder = createFolder();
        let store = await openBroker(folder);
        const model = new Map<string, string>();
        for (const each of steps) {
          if (each.kind === "put") {
            await put(store.broker, each.key, `${each.data}`, retention);
            model.set(each.key, `${each.data}`);
          } else if (each.kind === "remove") {
            await remove(store.broker, each.key, retention);
            model.delete(each.key);
          } else if (each.kind === "checkpoint") await store.checkpoint();
          else {
            if (each.kind === "crash") {
              const copy = crashCopyOf(folder);
              await store.broker.close();
              folder = copy;
            } else await store.broker.close();
            store = await openBroker(folder);
          }
          expect(await stateOf(store.broker)).toEqual(
            new Map([...model].sort(([a], [b]) => (a < b ? -1 : 1))),
          );
        }
        expect(store.errors).toEqual([]);
        await store.broker.close();
      },
    );
    await fc.assert(runs, { numRuns: 40, seed: 7 });
  }, 60_000);

  it("are read back with score, tags, publisher, version and time", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const info = { user: "ann", client: "c", connInfo: '{"a":1}' };
    const version = { number: 3, epoch: "e" };
    const [retention] = retentions as [(typeof retentions)[0]];
    const publication = { key: "a", data: '"é"', score: 1.5, tags: { t: "u" }, info, version };
    await broker.log.publish("map", publication, { retention });
    const before = await broker.log.value("map", "a");
    await broker.close();
    const again = await openBroker(folder);
    expect(await again.broker.log.value("map", "a")).toEqual(before);
    expect(before).toMatchObject(publication);
    const repeat = await again.broker.log.publish("map", publication, { retention });
    expect(repeat).toMatchObject({ suppressed: "version" });
  });

  it("are indexed beside their log when only part of a large batch was written", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    for (const n of countTo(3000)) void put(broker, `k${n % 1500}`, `"${n} ${"x".repeat(500)}"`);
    await put(broker, "last", "1");
    await checkpoint();
    const before = await stateOf(broker);
    expect(before.size).toBe(1501);
    const again = await openBroker(crashCopyOf(folder));
    expect(await stateOf(again.broker)).toEqual(before);
  });

  it("not yet indexed with their log are read from the journal", async () => {
    const folder = createFolder();
    const { broker, clock } = await openBroker(folder);
    const large = (n: number) => `"${n} ${"x".repeat(5000)}"`;
    await Promise.all(countTo(800).map((n) => put(broker, `k${n % 700}`, large(n))));
    await remove(broker, "k1");
    const transaction = holdTransaction(2);
    clock.advance(checkpointDelayMs);
    await transaction.reached;
    const before = await stateOf(broker);
    const copy = crashCopyOf(folder);
    transaction.release();
    const again = await openBroker(copy, { clock });
    expect(await stateOf(again.broker)).toEqual(before);
    expect(before.size).toBe(699);
  });

  it("stay removed after a crash, though only the journal records the removal", async () => {
    const folder = createFolder();
    const { broker, clock, checkpoint } = await openBroker(folder);
    const options = { retention: retentions[0] as (typeof retentions)[0], durability: "memory" } as const;
    await broker.log.publish("map", { key: "a", data: "1" }, options);
    await broker.log.publish("map", { key: "a", data: "null", isRemoved: true }, options);
    await broker.log.publish("map", { key: "b", data: "2" }, options);
    await checkpoint();
    const again = await openBroker(crashCopyOf(folder), { clock });
    expect(await stateOf(again.broker)).toEqual(new Map([["b", "2"]]));
  });

  it("are indexed in several transactions, and are complete after a crash between them", async () => {
    const folder = createFolder();
    const { broker, clock } = await openBroker(folder);
    await Promise.all(countTo(3000).map((n) => put(broker, `k${n}`, `${n}`)));
    await remove(broker, "k7");
    const transaction = holdTransaction(3);
    clock.advance(checkpointDelayMs);
    await transaction.reached;
    const copy = crashCopyOf(folder);
    const before = await stateOf(broker);
    transaction.release();
    const again = await openBroker(copy, { clock });
    expect(await stateOf(again.broker)).toEqual(before);
    await broker.idle();
    const complete = await openBroker(crashCopyOf(folder), { clock });
    expect(await stateOf(complete.broker)).toEqual(before);
  });

  it.each(["x".repeat(256), "", "\ud800", "a\udc00b"])(
    "are refused where they cannot be stored: %j",
    async (name) => {
      const { broker, errors, checkpoint } = await openBroker(createFolder());
      const refused = { code: "HF_OPTION_INVALID" };
      await expect(put(broker, name, "1")).rejects.toMatchObject(refused);
      const { retention } = { retention: retentions[0] as (typeof retentions)[0] };
      await expect(
        broker.log.publish("map", { data: "1" }, { retention, idempotencyKey: name }),
      ).rejects.toMatchObject(refused);
      await put(broker, "x".repeat(255), "1");
      await checkpoint();
      expect(errors).toEqual([]);
    },
  );

  it("are written again when writing them has failed", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await put(first.broker, "a", "1");
    await first.checkpoint();
    const spy = vi
      .spyOn(LogIndex.prototype, "putValue")
      .mockImplementationOnce(() => Promise.reject(Object.assign(new Error("no room"), { code: "ENOSPC" })));
    onTestFinished(() => spy.mockRestore());
    await put(first.broker, "a", "2");
    await first.checkpoint();
    expect(first.errors.map(({ code }) => code)).toEqual(["HF_BROKER_FULL"]);
    await first.broker.close();
    const second = await openBroker(folder);
    expect(await stateOf(second.broker)).toEqual(new Map([["a", "2"]]));
  });

  it("keep surviving values when the end of the log is damaged, in a new epoch", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    for (const n of countTo(3)) {
      await put(first.broker, `k${n}`, `${n}`);
      await first.checkpoint();
    }
    const { position } = await first.broker.log.keys("map", { maxEntries: 1, maxBytes: 1 });
    await first.broker.close();
    const index = await LogIndex.open(folder);
    await index.putSegment("map", Buffer.from("no segment at all"), 3);
    await index.close();
    const second = await openBroker(folder);
    const page = await second.broker.log.keys("map", { maxEntries: 10, maxBytes: 1000 });
    expect(page.publications.map(({ key = "", offset }) => [key, offset])).toEqual([
      ["k1", 1],
      ["k2", 2],
      ["k3", 2],
    ]);
    expect(page.position.offset).toBe(2);
    expect(page.position.epoch).not.toBe(position.epoch);
    expect(second.errors.map(({ code }) => code)).toEqual(["HF_STORE_CORRUPT"]);
  });

  it("expire in order of their deadlines, renewals included, also after a restart", async () => {
    const folder = createFolder();
    const retention = { ...ample, keys: { ...keys, ttlMs: 60_000 } };
    const { broker, clock, checkpoint } = await openBroker(folder);
    await put(broker, "b", "1", retention);
    await put(broker, "c", "1", retention);
    clock.advance(30_000);
    await put(broker, "a", "1", retention);
    await broker.log.renewKey("map", "c");
    await checkpoint();
    const again = await openBroker(crashCopyOf(folder), { clock });
    clock.advance(29_000);
    expect([...(await stateOf(again.broker)).keys()]).toEqual(["a", "b", "c"]);
    await again.advance(3000, 3);
    expect([...(await stateOf(again.broker)).keys()]).toEqual(["a", "c"]);
    expect(again.events.publications).toEqual([]);
    expect(await offsetsIn(again.broker.log, "map")).toEqual([1, 2, 3, 4]);
    await again.advance(30_000, 30);
    expect(await offsetsIn(again.broker.log, "map")).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it("are removed from the store on expiry though their log is idle", async () => {
    const folder = createFolder();
    const retention = { maxEntries: 0, maxBytes: 0, ttlMs: 0, keys: { ...keys, ttlMs: 10 * 60_000 } };
    const first = await openBroker(folder);
    await put(first.broker, "a", "1", retention);
    await first.broker.close();
    const second = await openBroker(folder, { clock: first.clock });
    await second.advance(11 * 60_000, 100);
    await second.broker.close();
    const index = await LogIndex.open(folder);
    onTestFinished(() => index.close());
    expect([...index.values("map", () => {})]).toEqual([]);
    expect(index.channel("map")?.head).toBe(2);
  });

  it("are gone for good once the channel is not a map, and a later map starts empty", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await put(first.broker, "a", "1");
    await first.checkpoint();
    await first.broker.log.publish("map", { data: "2" }, { retention: ample });
    expect(await stateOf(first.broker)).toEqual(new Map());
    await first.broker.close();
    const second = await openBroker(folder);
    await put(second.broker, "b", "3");
    expect(await stateOf(second.broker)).toEqual(new Map([["b", "3"]]));
    expect(await offsetsIn(second.broker.log, "map")).toEqual([1, 2, 3]);
  });

  it("that expired while idle or closed are removed on the next use", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const retention = { ...ample, keys: { ...keys, ttlMs: 60_000 } };
    await put(first.broker, "a", "1", retention);
    await first.broker.log.renewKey("map", "a");
    await first.broker.close();
    const second = await openBroker(folder);
    second.clock.advance(59_000);
    expect(await stateOf(second.broker)).toEqual(new Map([["a", "1"]]));
    second.clock.advance(2000);
    expect(await stateOf(second.broker)).toEqual(new Map());
    await second.broker.idle();
    expect(await offsetsIn(second.broker.log, "map")).toEqual([1, 2]);
  });
});
