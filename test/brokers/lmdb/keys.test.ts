import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Broker } from "../../../src/channels/broker.js";
import { ample, countTo, offsetsIn } from "../../conformance/broker/fixture.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const keys = { maxKeys: 10_000, maxBytes: 10_000_000 };
const retentions = [
  { ...ample, keys },
  { ...ample, maxEntries: 3, keys },
  { maxEntries: 0, maxBytes: 0, ttlMs: 0, keys },
];

async function stateOf(broker: Broker, channel = "map"): Promise<Map<string, string>> {
  const { publications } = await broker.keys(channel, { maxEntries: 100_000, maxBytes: 1e9 });
  return new Map(publications.map(({ key = "", data }) => [key, data]));
}

function put(broker: Broker, key: string, data: string, retention = retentions[0] as (typeof retentions)[0]) {
  return broker.publish("map", { key, data }, { retention });
}

function remove(broker: Broker, key: string, retention = retentions[0] as (typeof retentions)[0]) {
  return broker.publish("map", { key, data: "null", isRemoved: true }, { retention });
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
  it("have the values of a model, whatever is written when, after crashes too", async () => {
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

  it("come back with their score, tags, publisher, version and time", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const info = { user: "ann", client: "c", connInfo: '{"a":1}' };
    const version = { number: 3, epoch: "e" };
    const [retention] = retentions as [(typeof retentions)[0]];
    const publication = { key: "a", data: '"é"', score: 1.5, tags: { t: "u" }, info, version };
    await broker.publish("map", publication, { retention });
    const before = await broker.value("map", "a");
    await broker.close();
    const again = await openBroker(folder);
    expect(await again.broker.value("map", "a")).toEqual(before);
    expect(before).toMatchObject(publication);
    const repeat = await again.broker.publish("map", publication, { retention });
    expect(repeat).toMatchObject({ suppressed: "version" });
  });

  it("stand in the index beside their log when only a part of many was written", async () => {
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

  it("are gone for good when the channel is no map any more, and a later map begins without them", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await put(first.broker, "a", "1");
    await first.checkpoint();
    await first.broker.publish("map", { data: "2" }, { retention: ample });
    expect(await stateOf(first.broker)).toEqual(new Map());
    await first.broker.close();
    const second = await openBroker(folder);
    await put(second.broker, "b", "3");
    expect(await stateOf(second.broker)).toEqual(new Map([["b", "3"]]));
    expect(await offsetsIn(second.broker, "map")).toEqual([1, 2, 3]);
  });

  it("that expired while nobody used them, or the store was closed, are removed when it is used", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const retention = { ...ample, keys: { ...keys, ttlMs: 60_000 } };
    await put(first.broker, "a", "1", retention);
    await first.broker.renewKey("map", "a");
    await first.broker.close();
    const second = await openBroker(folder);
    second.clock.advance(59_000);
    expect(await stateOf(second.broker)).toEqual(new Map([["a", "1"]]));
    second.clock.advance(2000);
    expect(await stateOf(second.broker)).toEqual(new Map());
    await second.broker.idle();
    expect(await offsetsIn(second.broker, "map")).toEqual([1, 2]);
  });
});
