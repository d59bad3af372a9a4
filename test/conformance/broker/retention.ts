/** How long a log keeps publications: by entries, bytes and age, whichever bound is reached first. */
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, publishMany, query, type Section } from "./fixture.js";

export function describeRetention({ start, itWith }: Section): void {
  describe("retention", () => {
    it("keeps the newest entries up to their number", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 25, { ...ample, maxEntries: 10 });
      expect(await offsetsIn(broker.log, "news")).toEqual(countTo(25, 16));
    });

    it("keeps the newest entries up to their bytes", async () => {
      const { broker } = await start();
      const data = JSON.stringify("x".repeat(998));
      const retention = { ...ample, maxBytes: 10_000 };
      for (let i = 0; i < 50; i++) await broker.log.publish("news", { data }, { retention });
      const { publications, position } = await broker.log.history("news", query());
      expect(position.offset).toBe(50);
      expect(publications.length).toBeGreaterThan(0);
      expect(publications.length).toBeLessThanOrEqual(10);
      expect(publications.map(({ offset }) => offset)).toEqual(countTo(50, 51 - publications.length));
    });

    itWith("canMoveTime")("keeps entries up to their age", async () => {
      const { broker, advance } = await start();
      const retention = { ...ample, ttlMs: 1000 };
      for (let i = 0; i < 4; i++) {
        await broker.log.publish("news", { data: "1" }, { retention });
        await advance(300);
      }
      // Their ages: 1200, 900, 600, 300.
      expect(await offsetsIn(broker.log, "news")).toEqual([2, 3, 4]);
      await advance(650);
      expect(await offsetsIn(broker.log, "news")).toEqual([4]);
    });

    itWith("canMoveTime")("goes on counting when everything has expired", async () => {
      const { broker, advance } = await start();
      const { epoch } = await broker.log.subscribe("news");
      const retention = { ...ample, ttlMs: 1000 };
      await publishMany(broker.log, "news", 3, retention);
      await advance(1500);
      const { publications, position } = await broker.log.history("news", query());
      expect(publications).toEqual([]);
      expect(position).toEqual({ epoch, offset: 3 });
      const next = await broker.log.publish("news", { data: "4" }, { retention });
      expect(next.position).toEqual({ epoch, offset: 4 });
      expect(await offsetsIn(broker.log, "news")).toEqual([4]);
    });

    it("of one channel leaves others alone", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "sport", 5);
      await publishMany(broker.log, "news", 5, { ...ample, maxEntries: 1 });
      expect(await offsetsIn(broker.log, "news")).toEqual([5]);
      expect(await offsetsIn(broker.log, "sport")).toEqual(countTo(5));
    });
  });
}
