/** Floors: what a node knows and the log has lost, so that no offset ever has two contents. */
import { expect, it } from "vitest";
import type { Position } from "../../../packages/holdfast/src/wire/messages.js";
import { ample, countTo, publishMany, query, type Section } from "./fixture.js";

export function describeFloors({ start, describeWith, itWith }: Section): void {
  const floorsOf = (...floors: Position[]) => new Map([["news", floors]]);

  describeWith("keepsFloors")("floor", () => {
    it("beyond the head gives the log a new epoch, in which it keeps its publications", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const before = await broker.log.history("news", query());
      const { epoch } = before.position;
      const heads = await broker.log.heads(["news", "sport"], floorsOf({ epoch, offset: 5 }));
      const head = heads.get("news") as Position;
      expect(head.epoch).not.toBe(epoch);
      expect(head.offset).toBe(3);
      expect(heads.get("sport")?.offset).toBe(0);
      expect(await broker.log.history("news", query())).toEqual({ ...before, position: head });
      expect(await broker.log.subscribe("news")).toEqual(head);
      const { position } = await broker.log.publish("news", { data: "4" }, { retention: ample });
      expect(position).toEqual({ epoch: head.epoch, offset: 4 });
    });

    it("of a publish counts before anything is appended", async () => {
      const { broker, events, idle } = await start();
      await publishMany(broker.log, "news", 3);
      const { epoch } = await broker.log.subscribe("news");
      const floor = { epoch, offset: 4 };
      const { position } = await broker.log.publish(
        "news",
        { data: '"new"' },
        { retention: ample, floors: [floor] },
      );
      expect(position.epoch).not.toBe(epoch);
      expect(position.offset).toBe(4);
      expect((await broker.log.heads(["news"])).get("news")).toEqual(position);
      await idle();
      expect(events.publications.filter(({ publication }) => publication.offset === 4)).toMatchObject([
        { epoch: position.epoch, publication: { data: '"new"' } },
      ]);
    });

    it("changes the epoch once, however many know it", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const { epoch } = (await broker.log.heads(["news"])).get("news") as Position;
      const floor = { epoch, offset: 4 };
      const results = await Promise.all(
        countTo(10).map(async (n) =>
          n % 2
            ? (await broker.log.heads(["news"], floorsOf(floor))).get("news")?.epoch
            : (await broker.log.publish("news", { data: "1" }, { retention: ample, floors: [floor] }))
                .position.epoch,
        ),
      );
      expect(new Set(results).size).toBe(1);
      expect(results[0]).not.toBe(epoch);
    });

    it("at the head or before it says nothing, and neither does one of another epoch", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const { epoch } = (await broker.log.heads(["news"])).get("news") as Position;
      const floors = [
        { epoch, offset: 3 },
        { epoch, offset: 0 },
        { epoch: "another", offset: 9 },
      ];
      for (const floor of floors)
        expect((await broker.log.heads(["news"], floorsOf(floor))).get("news")).toEqual({ epoch, offset: 3 });
      for (const [i, floor] of floors.entries()) {
        const { position } = await broker.log.publish(
          "news",
          { data: "1" },
          { retention: ample, floors: [floor] },
        );
        expect(position).toEqual({ epoch, offset: 4 + i });
      }
    });

    it("of an epoch that was replaced counts, since the log may have gone back to before that", async () => {
      const { broker } = await start();
      await publishMany(broker.log, "news", 3);
      const { epoch } = (await broker.log.heads(["news"])).get("news") as Position;
      const floors = [
        { epoch: "another", offset: 2 },
        { epoch, offset: 4 },
        { epoch: "a third", offset: 9 },
      ];
      const { position } = await broker.log.publish("news", { data: "4" }, { retention: ample, floors });
      expect(position.epoch).not.toBe(epoch);
      expect(position.offset).toBe(4);
      const again = { ...position, offset: 5 };
      const head = (await broker.log.heads(["news"], floorsOf(...floors, again))).get("news");
      expect([epoch, position.epoch]).not.toContain(head?.epoch);
      expect(head?.offset).toBe(4);
      expect((await broker.log.heads(["news"], floorsOf(...floors, again))).get("news")).toEqual(head);
    });

    it("of a channel whose log is lost as a whole gives it another epoch", async () => {
      const { broker } = await start();
      const { epoch } = await broker.log.subscribe("news");
      const head = (await broker.log.heads(["news"], floorsOf({ epoch, offset: 2 }))).get("news");
      expect(head?.offset).toBe(0);
      expect(head?.epoch).not.toBe(epoch);
      const { position } = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect(position).toEqual({ epoch: head?.epoch, offset: 1 });
    });

    itWith("hasMaps")("keeps the values of keys", async () => {
      const { broker } = await start();
      const retention = { ...ample, keys: { maxKeys: 10, maxBytes: 100_000 } };
      const { position } = await broker.log.publish("map", { key: "a", data: "1" }, { retention });
      const floors = new Map([["map", [{ ...position, offset: 9 }]]]);
      const head = (await broker.log.heads(["map"], floors)).get("map");
      expect(await broker.log.keys("map", { maxEntries: 10, maxBytes: 1000 })).toMatchObject({
        position: head,
        publications: [{ key: "a", data: "1", offset: 1 }],
      });
    });
  });

  itWith("keepsFloors", "hasNodes")("a floor of one node counts for all", async () => {
    const { broker, openPeer } = await start();
    const { broker: peer } = await openPeer();
    await publishMany(broker.log, "news", 3);
    const { epoch } = await peer.log.subscribe("news");
    const head = (await broker.log.heads(["news"], floorsOf({ epoch, offset: 5 }))).get("news");
    expect(head?.epoch).not.toBe(epoch);
    expect((await peer.log.history("news", query())).position).toEqual(head);
  });
}
