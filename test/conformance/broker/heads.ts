/** Positions of many channels in one call. */
import { describe, expect, it } from "vitest";
import { ample, countTo, publishMany, query, type Section } from "./fixture.js";

export function describeHeads({ start, has }: Section): void {
  describe("heads", () => {
    it("are where the logs end, of each channel that was asked for", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      await publishMany(broker.log, "sport", 1);
      const heads = await broker.log.heads(["news", "sport"]);
      expect([...heads.keys()].sort()).toEqual(["news", "sport"]);
      expect(heads.get("news")).toEqual((await broker.log.history("news", query())).position);
      expect(heads.get("sport")?.offset).toBe(1);
    });

    it("are offset 0 of the epoch that the first publication has, for a channel without a log", async () => {
      const { broker, idle, sizes } = await start();
      const before = sizes();
      const heads = await broker.log.heads(["news"]);
      expect(heads.get("news")?.offset).toBe(0);
      await idle();
      expect(sizes()).toEqual(before);
      const { position } = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(position).toEqual({ epoch: heads.get("news")?.epoch, offset: 1 });
    });

    it("count what was acknowledged before, at once", async () => {
      const { broker } = await start();
      for (const n of countTo(20)) {
        await broker.log.publish("news", { data: String(n) }, { retention: ample });
        expect((await broker.log.heads(["news"])).get("news")?.offset).toBe(n);
      }
    });

    it("never lie beyond what history gives afterwards, also while publishes run", async () => {
      const { broker } = await start();
      const publishes = countTo(100).map((n) =>
        broker.log.publish(
          "news",
          { data: String(n) },
          { retention: ample, durability: n % 2 && has("hasDisk") ? "disk" : "process" },
        ),
      );
      for (const _ of countTo(30)) {
        const head = (await broker.log.heads(["news"])).get("news");
        const { position, publications } = await broker.log.history("news", query());
        expect(position.offset).toBeGreaterThanOrEqual(head?.offset ?? 0);
        expect(publications).toHaveLength(position.offset);
        await new Promise(setImmediate);
      }
      await Promise.all(publishes);
    });

    it("stay where history is removed or not kept", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      await broker.log.removeHistory("news");
      await publishMany(broker.log, "live", 3, { ...ample, maxEntries: 0 });
      const heads = await broker.log.heads(["news", "live"]);
      expect(heads.get("news")?.offset).toBe(3);
      expect(heads.get("live")?.offset).toBe(3);
    });

    it("may be asked of no channel, and of very many", async () => {
      const { broker } = await start();
      expect((await broker.log.heads([])).size).toBe(0);
      await publishMany(broker.log, "channel-7", 2);
      const names = countTo(2000).map((n) => `channel-${n}`);
      const heads = await broker.log.heads(names);
      expect(heads.size).toBe(2000);
      expect(heads.get("channel-7")?.offset).toBe(2);
    });
  });
}
