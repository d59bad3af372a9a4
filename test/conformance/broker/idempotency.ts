/** Publishing with an idempotency key: one effect within five minutes. */
import { describe, expect, it } from "vitest";
import type { PublishResult } from "../../../packages/holdfast/src/channels/log.js";
import { ample, countTo, offsetsIn, query, type Section } from "./fixture.js";

const windowMs = 5 * 60 * 1000;

export function describeIdempotency({ start, itWith }: Section): void {
  const keyed = { retention: ample, idempotencyKey: "order-1" };

  describe("idempotency key", () => {
    it("used again resolves with the first position and appends nothing", async () => {
      const { broker } = await start();
      const first = await broker.log.publish("news", { data: "1" }, keyed);
      await broker.log.publish("news", { data: "2" }, { retention: ample });
      const again = await broker.log.publish("news", { data: "3" }, keyed);
      expect(first.isDuplicate).toBe(false);
      expect(again).toEqual({ position: first.position, isDuplicate: true });
      const { publications, position } = await broker.log.history("news", query());
      expect(publications.map(({ data }) => data)).toEqual(["1", "2"]);
      expect(position.offset).toBe(2);
    });

    it("used again tells no event", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await broker.log.publish("news", { data: "1" }, keyed);
      await broker.log.publish("news", { data: "1" }, keyed);
      await idle();
      expect(events.offsets("news")).toEqual([1]);
    });

    it("has one effect when publishes with it run at the same time", async () => {
      const { broker } = await start();
      const results = await Promise.all(
        countTo(10).map(() => broker.log.publish("news", { data: "1" }, keyed)),
      );
      expect(results.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
      for (const { position } of results) expect(position).toEqual(results[0]?.position);
      expect(await offsetsIn(broker.log, "news")).toEqual([1]);
    });

    it("counts for one channel only", async () => {
      const { broker } = await start();
      await broker.log.publish("news", { data: "1" }, keyed);
      const other = await broker.log.publish("sport", { data: "1" }, keyed);
      expect(other.isDuplicate).toBe(false);
      expect(other.position.offset).toBe(1);
    });

    it("of another text is another publication", async () => {
      const { broker } = await start();
      await broker.log.publish("news", { data: "1" }, keyed);
      const other = await broker.log.publish("news", { data: "1" }, { ...keyed, idempotencyKey: "order-2" });
      expect(other).toMatchObject({ isDuplicate: false, position: { offset: 2 } });
    });

    it("left out makes every publish count", async () => {
      const { broker } = await start();
      await broker.log.publish("news", { data: "1" }, { retention: ample });
      await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(await offsetsIn(broker.log, "news")).toEqual([1, 2]);
    });

    it("of one sender says nothing of another's", async () => {
      const { broker } = await start();
      const publish = (data: string, sender?: string) =>
        broker.log.publish("news", { data }, { ...keyed, ...(sender !== undefined && { sender }) });
      const senders = ["user mallory", "user ann", "api 1", undefined];
      const first: PublishResult[] = [];
      for (const sender of senders) first.push(await publish(`of ${sender}`, sender));
      expect(first.map(({ isDuplicate, position }) => [isDuplicate, position.offset])).toEqual(
        senders.map((_, index) => [false, index + 1]),
      );
      for (const [index, sender] of senders.entries())
        expect(await publish("again", sender)).toEqual({
          position: first[index]?.position,
          isDuplicate: true,
        });
      expect(await offsetsIn(broker.log, "news")).toEqual(countTo(senders.length));
    });

    it("is another one for every sender, however the two are put together", async () => {
      const { broker } = await start();
      const pairs = [
        ["ab", "c"],
        ["a", "bc"],
        ["a\0b", "c"],
        ["a", "b\0c"],
        ["", "abc"],
        ["2 ab", "c"],
        ["\ud800", "c"],
        ["\ud801", "c"],
      ] as const;
      for (const [sender, idempotencyKey] of pairs) {
        const options = { retention: ample, sender, idempotencyKey };
        expect(await broker.log.publish("news", { data: "1" }, options)).toMatchObject({
          isDuplicate: false,
        });
      }
    });

    itWith("hasMaps")("is used up by a publish that is suppressed, which a repeat tells again", async () => {
      const { broker } = await start();
      const retention = { ...ample, keys: { maxKeys: 10, maxBytes: 100_000 } };
      const remove = { key: "a", data: "null", isRemoved: true } as const;
      await broker.log.publish("map", { key: "b", data: "1" }, { retention });
      const first = await broker.log.publish("map", remove, { ...keyed, retention });
      expect(first).toMatchObject({ isDuplicate: false, suppressed: "key_not_found" });
      await broker.log.publish("map", { key: "a", data: "2" }, { retention });
      const again = await broker.log.publish("map", remove, { ...keyed, retention });
      expect(again).toEqual({ ...first, isDuplicate: true });
      expect(again.position.offset).toBe(1);
      expect(await broker.log.value("map", "a")).toMatchObject({ data: "2" });
    });

    itWith("canMoveTime")("still counts shortly before 5 minutes have passed", async () => {
      const { broker, advance } = await start();
      const first = await broker.log.publish("news", { data: "1" }, keyed);
      await advance(windowMs - 1);
      const again = await broker.log.publish("news", { data: "2" }, keyed);
      expect(again).toEqual({ position: first.position, isDuplicate: true });
    });

    itWith("canMoveTime")("is new again after 5 minutes", async () => {
      const { broker, advance } = await start();
      await broker.log.publish("news", { data: "1" }, keyed);
      await advance(windowMs + 1);
      const later = await broker.log.publish("news", { data: "2" }, keyed);
      expect(later).toMatchObject({ isDuplicate: false, position: { offset: 2 } });
    });

    itWith("canMoveTime")("outlives the publication itself", async () => {
      const { broker, advance } = await start();
      const retention = { ...ample, ttlMs: 1000 };
      const first = await broker.log.publish("news", { data: "1" }, { ...keyed, retention });
      await advance(2000);
      const again = await broker.log.publish("news", { data: "1" }, { ...keyed, retention });
      expect(again).toEqual({ position: first.position, isDuplicate: true });
    });
  });
}
