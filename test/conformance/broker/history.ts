/** Reading a log: from an offset or an end of it, in both directions, by pages. */
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, publishMany, query, type Section } from "./fixture.js";

export function describeHistory({ start }: Section): void {
  describe("history forward", () => {
    it("starts at the oldest without an offset", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      expect(await offsetsIn(broker.log, "news")).toEqual([1, 2, 3, 4, 5]);
      expect(await offsetsIn(broker.log, "news", { maxEntries: 2 })).toEqual([1, 2]);
    });

    it("starts after the offset it is given", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      expect(await offsetsIn(broker.log, "news", { sinceOffset: 2 })).toEqual([3, 4, 5]);
      expect(await offsetsIn(broker.log, "news", { sinceOffset: 0 })).toEqual([1, 2, 3, 4, 5]);
    });

    it("gives nothing from the head on, and names the head", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      for (const sinceOffset of [5, 6, 1000, Number.MAX_SAFE_INTEGER]) {
        const { publications, position } = await broker.log.history("news", query({ sinceOffset }));
        expect(publications).toEqual([]);
        expect(position.offset).toBe(5);
      }
    });

    it("starts at the oldest that is left where those asked for are gone", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 20, { ...ample, maxEntries: 5 });
      expect(await offsetsIn(broker.log, "news", { sinceOffset: 3 })).toEqual(countTo(20, 16));
      expect(await offsetsIn(broker.log, "news", { sinceOffset: 15 })).toEqual(countTo(20, 16));
      expect(await offsetsIn(broker.log, "news", { sinceOffset: 16 })).toEqual(countTo(20, 17));
    });

    it("is read to its end page by page", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 23);
      const read: number[] = [];
      for (let page = 0; page < 10; page++)
        read.push(...(await offsetsIn(broker.log, "news", { sinceOffset: read.at(-1) ?? 0, maxEntries: 5 })));
      expect(read).toEqual(countTo(23));
    });
  });

  describe("history in reverse", () => {
    it("starts at the newest without an offset", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      expect(await offsetsIn(broker.log, "news", { isReverse: true })).toEqual([5, 4, 3, 2, 1]);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, maxEntries: 2 })).toEqual([5, 4]);
    });

    it("starts before the offset it is given", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 4 })).toEqual([3, 2, 1]);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 1 })).toEqual([]);
    });

    it("starts at the newest from an offset beyond the head", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 4 })).toEqual([3, 2, 1]);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 100 })).toEqual([3, 2, 1]);
    });

    it("ends at the oldest that is left", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 20, { ...ample, maxEntries: 3 });
      expect(await offsetsIn(broker.log, "news", { isReverse: true })).toEqual([20, 19, 18]);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 18 })).toEqual([]);
      expect(await offsetsIn(broker.log, "news", { isReverse: true, sinceOffset: 5 })).toEqual([]);
    });

    it("gives nothing of an empty log", async () => {
      const { broker } = await start();
      expect(await offsetsIn(broker.log, "news", { isReverse: true })).toEqual([]);
    });
  });

  describe("a page of history", () => {
    it("has no more entries than asked for, none for 0, and always names the head", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      for (const maxEntries of [0, 1, 4]) {
        const { publications, position } = await broker.log.history("news", query({ maxEntries }));
        expect(publications).toHaveLength(maxEntries);
        expect(position.offset).toBe(5);
      }
    });

    it.each([
      ["forward", false, [1, 2], [1]],
      ["in reverse", true, [5, 4], [5]],
    ] as const)("ends at its bytes of data, %s", async (_name, isReverse, two, one) => {
      const { broker } = await start();
      const data = JSON.stringify("x".repeat(98));
      for (let i = 0; i < 5; i++) await broker.log.publish("news", { data }, { retention: ample });
      expect(await offsetsIn(broker.log, "news", { isReverse, maxBytes: 200 })).toEqual(two);
      expect(await offsetsIn(broker.log, "news", { isReverse, maxBytes: 100 })).toEqual(one);
    });

    it("has at least one publication, however large", async () => {
      const { broker } = await start();
      const data = JSON.stringify("x".repeat(5000));
      await broker.log.publish("news", { data }, { retention: ample });
      await broker.log.publish("news", { data: "2" }, { retention: ample });
      expect(await offsetsIn(broker.log, "news", { maxBytes: 1 })).toEqual([1]);
      expect(await offsetsIn(broker.log, "news", { maxBytes: 0 })).toEqual([1]);
      expect(await offsetsIn(broker.log, "news", { maxBytes: 1, isReverse: true })).toEqual([2]);
    });

    it("has entries up to the head at the time of reading, none beyond", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const reading = broker.log.history("news", query());
      const publishing = broker.log.publish("news", { data: "4" }, { retention: ample });
      const [{ publications, position }] = await Promise.all([reading, publishing]);
      expect(publications.map(({ offset }) => offset)).toEqual(countTo(position.offset));
    });
  });

  describe("history that is removed", () => {
    it("is gone, while the position stays and goes on", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 5);
      const { position } = await broker.log.history("news", query());
      await broker.log.removeHistory("news");
      expect(await broker.log.history("news", query())).toEqual({ publications: [], position });
      await broker.log.publish("news", { data: "6" }, { retention: ample });
      expect(await offsetsIn(broker.log, "news")).toEqual([6]);
      expect((await broker.log.history("news", query())).position).toEqual({ ...position, offset: 6 });
    });

    it("of one channel leaves others alone, and of none changes nothing", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 2);
      await broker.log.removeHistory("new");
      await broker.log.removeHistory("news:1");
      expect(await offsetsIn(broker.log, "news")).toEqual([1, 2]);
    });

    it("goes with what is published meanwhile kept", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const publishing = broker.log.publish("news", { data: "4" }, { retention: ample });
      await Promise.all([broker.log.removeHistory("news"), publishing]);
      const offsets = await offsetsIn(broker.log, "news");
      expect(offsets.filter((offset) => offset < 4)).toEqual([]);
      expect((await broker.log.history("news", query())).position.offset).toBe(4);
    });
  });
}
