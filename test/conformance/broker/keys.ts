/** Retention that keeps keys: values, conditions, order, bounds and expiry. */
import { describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import type {
  KeysQuery,
  NewPublication,
  PublishOptions,
} from "../../../packages/holdfast/src/channels/log.js";
import { ample, offsetsIn, query, type Section } from "./fixture.js";

const keys = { maxKeys: 100, maxBytes: 1_000_000 };
const kept = { retention: { ...ample, keys } };
const expiring = { retention: { ...ample, keys: { ...keys, ttlMs: 10_000 } } };
const stateOnly = { retention: { maxEntries: 0, maxBytes: 0, ttlMs: 0, keys } };

function put(
  broker: Broker,
  key: string,
  data: string,
  more: Partial<NewPublication> = {},
  options: PublishOptions = kept,
) {
  return broker.log.publish("map", { key, data, ...more }, options);
}

function remove(broker: Broker, key: string, options: PublishOptions = kept) {
  return broker.log.publish("map", { key, data: "null", isRemoved: true }, options);
}

async function stateOf(broker: Broker, part: Partial<KeysQuery> = {}) {
  const page = await broker.log.keys("map", { maxEntries: 1000, maxBytes: 10_000_000, ...part });
  return page.publications.map(({ key, data, offset }) => `${key}=${data}@${offset}`);
}

export function describeKeys({ start, describeWith, numberOf }: Section): void {
  describe("keys", () => {
    it("have the value that was published last, whatever the log still keeps", async () => {
      const { broker } = await start();
      const short = { retention: { ...kept.retention, maxEntries: 1 } };
      await put(broker, "b", "1", {}, short);
      await put(broker, "a", "2", {}, short);
      await put(broker, "b", "3", {}, short);
      expect(await stateOf(broker)).toEqual(["a=2@2", "b=3@3"]);
      expect(await offsetsIn(broker.log, "map")).toEqual([3]);
    });

    it("have values where the log keeps nothing at all", async () => {
      const { broker } = await start();
      await put(broker, "a", "1", {}, stateOnly);
      await put(broker, "b", "2", {}, stateOnly);
      expect(await stateOf(broker)).toEqual(["a=1@1", "b=2@2"]);
      expect(await offsetsIn(broker.log, "map")).toEqual([]);
    });

    it("come with the log's position, their number, score, tags and publisher", async () => {
      const { broker } = await start();
      const info = { user: "ann", client: "c1" };
      await put(broker, "a", "1", { score: 5, tags: { x: "y" }, info });
      const { position } = await broker.log.history("map", query());
      const page = await broker.log.keys("map", { maxEntries: 10, maxBytes: 1000 });
      expect(page).toMatchObject({ position, numKeys: 1, hasMore: false });
      expect(page.publications).toMatchObject([
        { key: "a", data: "1", score: 5, tags: { x: "y" }, info, offset: 1 },
      ]);
      expect(await broker.log.value("map", "a")).toMatchObject({ data: "1", offset: 1 });
      expect(await broker.log.value("map", "b")).toBeUndefined();
      expect(await broker.log.value("none", "b")).toBeUndefined();
    });

    it("are none in a channel that nothing was published in, which has an epoch then", async () => {
      const { broker } = await start();
      const { publications, position } = await broker.log.keys("map", { maxEntries: 10, maxBytes: 1000 });
      expect(publications).toEqual([]);
      expect(position.epoch).not.toBe("");
      expect((await broker.log.history("map", query())).position).toEqual(position);
    });

    it("are gone when they are removed, and the removal is a publication", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("map");
      await put(broker, "a", "1");
      await remove(broker, "a");
      await idle();
      expect(await stateOf(broker)).toEqual([]);
      expect(events.publications.map(({ publication }) => publication)).toMatchObject([
        { key: "a", offset: 1 },
        { key: "a", offset: 2, isRemoved: true, data: "null" },
      ]);
      await put(broker, "a", "2");
      expect(await stateOf(broker)).toEqual(["a=2@3"]);
    });

    it("that are not there are not removed", async () => {
      const { broker } = await start();
      const { position } = await put(broker, "b", "1");
      expect(await remove(broker, "a")).toEqual({
        position,
        isDuplicate: false,
        suppressed: "key_not_found",
      });
      expect(await offsetsIn(broker.log, "map")).toEqual([1]);
    });

    it("may be asked to be new, or to exist", async () => {
      const { broker } = await start();
      const missing = await put(broker, "a", "1", {}, { ...kept, keyMode: "if_exists" });
      expect(missing).toMatchObject({ suppressed: "key_not_found", position: { offset: 0 } });
      expect(await put(broker, "a", "1", {}, { ...kept, keyMode: "if_new" })).not.toHaveProperty(
        "suppressed",
      );
      const second = await put(broker, "a", "2", {}, { ...kept, keyMode: "if_new" });
      expect(second).toMatchObject({ suppressed: "key_exists", position: { offset: 1 } });
      await put(broker, "a", "3", {}, { ...kept, keyMode: "if_exists" });
      expect(await stateOf(broker)).toEqual(["a=3@2"]);
    });

    it("are looked at in the order of the calls, also while these are under way", async () => {
      const { broker } = await start();
      const ifNew = { ...kept, keyMode: "if_new" } as const;
      const results = await Promise.all([
        put(broker, "a", "1", {}, ifNew),
        put(broker, "a", "2", {}, ifNew),
        remove(broker, "a"),
        remove(broker, "a"),
        put(broker, "a", "3", {}, ifNew),
      ]);
      expect(results.map(({ suppressed = "" }) => suppressed)).toEqual([
        "",
        "key_exists",
        "",
        "key_not_found",
        "",
      ]);
      expect(await stateOf(broker)).toEqual(["a=3@3"]);
    });

    it("take no version that is not greater, unless it is of another epoch", async () => {
      const { broker } = await start();
      const version = (number: number, epoch = "e") => ({ version: { number, epoch } });
      await put(broker, "a", "1", version(2));
      expect(await put(broker, "a", "2", version(2))).toMatchObject({ suppressed: "version" });
      expect(await put(broker, "a", "3", version(1))).toMatchObject({ suppressed: "version" });
      await put(broker, "a", "4", version(3));
      expect(await stateOf(broker)).toEqual(["a=4@2"]);
      await put(broker, "a", "5", version(1, "f"));
      expect(await stateOf(broker)).toEqual(["a=5@3"]);
    });

    it("are ordered by code points, beyond the first 65,536 of them, too", async () => {
      const { broker } = await start();
      const keys = ["a", "aa", "z", "\u00e9", "\ud7ff", "\uffee", "\u{10000}", "\u{1f600}"];
      for (const key of [...keys].reverse()) await put(broker, key, "1");
      const { publications } = await broker.log.keys("map", { maxEntries: 100, maxBytes: 10_000 });
      expect(publications.map(({ key }) => key)).toEqual(keys);
    });

    it("come page by page, by key or by score, and the other way round", async () => {
      const { broker } = await start();
      const scores = { a: 5, b: 9, c: 5, d: -1 };
      for (const [key, score] of Object.entries(scores)) await put(broker, key, "1", { score });
      const orders = [
        [{ order: "key" }, "abcd"],
        [{ order: "key", isReverse: true }, "dcba"],
        [{ order: "score" }, "bacd"],
        [{ order: "score", isReverse: true }, "dcab"],
      ] as const;
      for (const [order, expected] of orders) {
        let seen = "";
        let after: { key: string; score: number } | undefined;
        for (let isMore = true; isMore; ) {
          const page = await broker.log.keys("map", {
            ...order,
            maxEntries: 3,
            maxBytes: 1000,
            ...(after && { after }),
          });
          for (const { key = "", score = 0 } of page.publications) {
            seen += key;
            after = { key, score };
          }
          isMore = page.hasMore;
        }
        expect(seen).toBe(expected);
      }
    });

    it("end a page when it is large enough, but not before its first", async () => {
      const { broker } = await start();
      for (const key of ["a", "b", "c"]) await put(broker, key, `"${"x".repeat(100)}"`);
      const page = await broker.log.keys("map", { maxEntries: 10, maxBytes: 210 });
      expect(page.publications.map(({ key }) => key)).toEqual(["a", "b"]);
      expect(page).toMatchObject({ hasMore: true, numKeys: 3 });
      expect((await broker.log.keys("map", { maxEntries: 10, maxBytes: 1 })).publications).toHaveLength(1);
    });

    it("are refused beyond their number, and those that are there are not", async () => {
      const { broker } = await start();
      const two = { retention: { ...ample, keys: { ...keys, maxKeys: 2 } } };
      await put(broker, "a", "1", {}, two);
      const rest = await Promise.allSettled([
        put(broker, "b", "1", {}, two),
        put(broker, "c", "1", {}, two),
        put(broker, "a", "2", {}, two),
      ]);
      expect(rest.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      expect(rest[1]).toMatchObject({ reason: { code: "HF_MAP_FULL" } });
      expect(await stateOf(broker)).toEqual(["a=2@3", "b=1@2"]);
      await remove(broker, "a", two);
      await put(broker, "c", "1", {}, two);
      expect(await stateOf(broker)).toEqual(["b=1@2", "c=1@5"]);
    });

    it("count once though several publications of theirs are under way, and not when they are being removed", async () => {
      const { broker } = await start();
      const one = { retention: { ...ample, keys: { ...keys, maxKeys: 1 } } };
      await Promise.all([
        put(broker, "a", "1", {}, one),
        put(broker, "a", "2", {}, one),
        remove(broker, "a", one),
        put(broker, "b", "3", {}, one),
      ]);
      expect(await stateOf(broker)).toEqual(["b=3@4"]);
    });

    it("count with their bytes while they are under way", async () => {
      const { broker } = await start();
      const small = { retention: { ...ample, keys: { ...keys, maxBytes: 3000 } } };
      const data = `"${"x".repeat(500)}"`;
      const outcomes = await Promise.allSettled(
        ["a", "b", "c", "d"].map((key) => put(broker, key, data, {}, small)),
      );
      expect(outcomes.map(({ status }) => status)).toEqual([
        "fulfilled",
        "fulfilled",
        "rejected",
        "rejected",
      ]);
      await remove(broker, "a", small);
      await put(broker, "c", data, {}, small);
    });

    it("are refused beyond their bytes", async () => {
      const { broker } = await start();
      const small = { retention: { ...ample, keys: { ...keys, maxBytes: 1000 } } };
      await put(broker, "a", "1", {}, small);
      await expect(put(broker, "b", `"${"x".repeat(500)}"`, {}, small)).rejects.toMatchObject({
        code: "HF_MAP_FULL",
      });
      await put(broker, "b", "1", {}, small);
      // What it takes the place of does not count.
      await put(broker, "b", `"${"y".repeat(200)}"`, {}, small);
      await put(broker, "b", `"${"z".repeat(200)}"`, {}, small);
      expect(await stateOf(broker)).toHaveLength(2);
    });

    it("keep their values when the history is removed", async () => {
      const { broker } = await start();
      await put(broker, "a", "1");
      await broker.log.removeHistory("map");
      expect(await offsetsIn(broker.log, "map")).toEqual([]);
      expect(await stateOf(broker)).toEqual(["a=1@1"]);
    });

    it("count idempotency keys before conditions", async () => {
      const { broker } = await start();
      const once = { ...kept, keyMode: "if_new", idempotencyKey: "k" } as const;
      const { position } = await put(broker, "a", "1", {}, once);
      expect(await put(broker, "a", "1", {}, once)).toEqual({ position, isDuplicate: true });
    });
  });

  const forgetsIdleLogsAfterMs = numberOf("forgetsIdleLogsAfterMs");

  describeWith("forgetsIdleLogsAfterMs")("keys of an unused log (needs logs to be forgotten)", () => {
    it.each([
      ["history", kept],
      ["none", stateOnly],
    ])("stay, and its epoch with them, with %s", async (_name, options) => {
      const { broker, advance } = await start();
      const { position } = await put(broker, "a", "1", {}, options);
      await advance(3 * forgetsIdleLogsAfterMs + 2 * 24 * 60 * 60 * 1000);
      expect(await stateOf(broker)).toEqual(["a=1@1"]);
      expect((await broker.log.history("map", query())).position).toEqual(position);
    });
  });

  describeWith("canMoveTime")("keys that expire", () => {
    it("are removed by a publication when their time is over", async () => {
      const { broker, events, advance } = await start();
      await broker.log.subscribe("map");
      await put(broker, "a", "1", {}, expiring);
      await advance(6000);
      await put(broker, "b", "2", {}, expiring);
      await advance(6000);
      expect(await stateOf(broker)).toEqual(["b=2@2"]);
      expect(events.publications.at(-1)?.publication).toMatchObject({ key: "a", isRemoved: true, offset: 3 });
      await advance(6000);
      expect(await stateOf(broker)).toEqual([]);
      expect(events.offsets("map")).toEqual([1, 2, 3, 4]);
    });

    it("make room as soon as their time is over, and count no more", async () => {
      const { broker, now, advance } = await start();
      const few = { retention: { ...ample, keys: { ...keys, maxKeys: 100, ttlMs: 10_000 } } };
      const fill = () =>
        Promise.all(Array.from({ length: 100 }, (_, n) => put(broker, `${now()} ${n}`, "1", {}, few)));
      await fill();
      const end = now() + 10_000;
      await advance(9000);
      while (now() < end) await advance(50);
      expect((await broker.log.keys("map", { maxEntries: 1, maxBytes: 1 })).numKeys).toBe(0);
      await fill();
      expect((await broker.log.keys("map", { maxEntries: 1, maxBytes: 1 })).numKeys).toBe(100);
    });

    it("are removed, and told of, before they are published again", async () => {
      const { broker, events, now, advance, idle } = await start();
      await broker.log.subscribe("map");
      await put(broker, "a", "1", {}, expiring);
      const end = now() + 10_000;
      await advance(9950);
      while (now() < end) await advance(10);
      await put(broker, "a", "2", {}, expiring);
      await idle();
      expect(events.publications.map(({ publication }) => publication)).toMatchObject([
        { offset: 1, data: "1" },
        { offset: 2, isRemoved: true },
        { offset: 3, data: "2" },
      ]);
      expect(await stateOf(broker)).toEqual(["a=2@3"]);
    });

    it("go by and by where they are many", async () => {
      const { broker, events, advance } = await start();
      await broker.log.subscribe("map");
      const many = { retention: { ...ample, keys: { ...keys, maxKeys: 500, ttlMs: 10_000 } } };
      await Promise.all(Array.from({ length: 500 }, (_, n) => put(broker, `k${n}`, "1", {}, many)));
      for (let i = 0; i < 30; i++) await advance(500);
      expect(events.offsets("map")).toHaveLength(1000);
      expect(await stateOf(broker)).toEqual([]);
    });

    it("stay in the state until their removal is in the log, also where they are many", async () => {
      const { broker, now, advance } = await start();
      const many = { retention: { ...ample, keys: { ...keys, maxKeys: 500, ttlMs: 10_000 } } };
      await Promise.all(Array.from({ length: 400 }, (_, n) => put(broker, `k${n}`, "1", {}, many)));
      const end = now() + 10_000;
      await advance(9000);
      while (now() < end) await advance(50);
      for (let i = 0; i < 5; i++) {
        const page = await broker.log.keys("map", { maxEntries: 1000, maxBytes: 1_000_000 });
        // What the log comes to at the page's position.
        const folded = new Map<string, number>();
        const { publications } = await broker.log.history("map", query());
        for (const { key = "", offset, isRemoved } of publications) {
          if (offset > page.position.offset) break;
          if (isRemoved) folded.delete(key);
          else folded.set(key, offset);
        }
        expect(new Map(page.publications.map(({ key = "", offset }) => [key, offset]))).toEqual(
          new Map([...folded].sort(([a], [b]) => (a < b ? -1 : 1))),
        );
        expect(page.numKeys).toBe(folded.size);
      }
    });

    it("begin their time anew when they are published or renewed", async () => {
      const { broker, events, advance } = await start();
      await broker.log.subscribe("map");
      await put(broker, "a", "1", {}, expiring);
      await put(broker, "b", "1", {}, expiring);
      await put(broker, "c", "1", {}, expiring);
      await advance(6000);
      await put(broker, "a", "2", {}, expiring);
      expect(await broker.log.renewKey("map", "b")).toBe(true);
      expect(await broker.log.renewKey("map", "d")).toBe(false);
      await advance(6000);
      expect(await stateOf(broker)).toEqual(["a=2@4", "b=1@2"]);
      expect(events.publications.at(-1)?.publication).toMatchObject({ key: "c", isRemoved: true });
      await advance(6000);
      expect(await stateOf(broker)).toEqual([]);
    });

    it("count as gone from that moment on", async () => {
      const { broker, now, advance } = await start();
      await put(broker, "a", "1", {}, expiring);
      const end = now() + 10_000;
      await advance(9000);
      expect(await broker.log.value("map", "a")).toBeDefined();
      while (now() < end) await advance(100);
      expect(await broker.log.value("map", "a")).toBeUndefined();
      expect(await broker.log.renewKey("map", "a")).toBe(false);
      expect(await put(broker, "a", "2", {}, { ...expiring, keyMode: "if_new" })).not.toHaveProperty(
        "suppressed",
      );
    });
  });
}
