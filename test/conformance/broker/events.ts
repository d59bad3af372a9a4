/** What a node that is subscribed is told, and what it is not told when it is not. */
import { describe, expect, it } from "vitest";
import type { HistoryPage } from "../../../packages/holdfast/src/channels/log.js";
import { ample, client, countTo, publishMany, query, type Section } from "./fixture.js";

export function describeEvents({ start }: Section): void {
  describe("publication events", () => {
    it("come for every publication after subscribe, in order, with the epoch", async () => {
      const { broker, events, idle } = await start();
      const { epoch } = await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 20);
      await idle();
      expect(events.offsets("news")).toEqual(countTo(20));
      for (const event of events.publications) expect(event.epoch).toBe(epoch);
    });

    it("carry what history gives", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      const info = client("c-1", "ann");
      await broker.log.publish("news", { data: '{"a":1}', info, tags: { k: "v" } }, { retention: ample });
      await idle();
      const { publications } = await broker.log.history("news", query());
      expect(events.publications.map(({ publication }) => publication)).toEqual(publications);
    });

    it("come for publishes that run at the same time in the order of their offsets", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await Promise.all(
        countTo(30).map((n) => broker.log.publish("news", { data: String(n) }, { retention: ample })),
      );
      await idle();
      expect(events.publications.map(({ publication: { offset, data } }) => `${offset}: ${data}`)).toEqual(
        countTo(30).map((n) => `${n}: ${n}`),
      );
    });

    it("come when the publication is readable already", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      const reads: Promise<HistoryPage>[] = [];
      events.onEachPublication = ({ publication }) =>
        reads.push(broker.log.history("news", query({ sinceOffset: publication.offset - 1, maxEntries: 1 })));
      await publishMany(broker.log, "news", 5);
      await idle();
      const pages = await Promise.all(reads);
      expect(pages.map(({ publications }) => publications[0]?.offset)).toEqual(countTo(5));
    });

    it("start with the first publication after the position that subscribe gave", async () => {
      const { broker, events, idle } = await start();
      await publishMany(broker.log, "news", 3);
      await idle();
      const { offset } = await broker.log.subscribe("news");
      expect(offset).toBe(3);
      await publishMany(broker.log, "news", 2);
      await idle();
      expect(events.offsets("news").filter((n) => n > offset)).toEqual([4, 5]);
    });

    it("leave no gap after the position when publishes run while subscribing", async () => {
      const { broker, events, idle } = await start();
      const publish = () => broker.log.publish("news", { data: "1" }, { retention: ample });
      const early = [publish(), publish()];
      const subscribing = broker.log.subscribe("news");
      const late = [publish(), publish()];
      const { offset } = await subscribing;
      await Promise.all([...early, ...late]);
      await idle();
      expect(events.offsets("news").filter((n) => n > offset)).toEqual(countTo(4, offset + 1));
    });

    it("do not come for a channel that the node is not subscribed to", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await publishMany(broker.log, "sport", 3);
      await idle();
      expect(events.publications).toEqual([]);
    });

    it("end with unsubscribe", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await broker.log.subscribe("sport");
      await publishMany(broker.log, "news", 1);
      await idle();
      await broker.log.unsubscribe("news");
      await publishMany(broker.log, "news", 2);
      await publishMany(broker.log, "sport", 2);
      await idle();
      expect(events.offsets("news")).toEqual([1]);
      expect(events.offsets("sport")).toEqual([1, 2]);
    });

    it("do not come twice as often after subscribing twice, and end with one unsubscribe", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 1);
      await idle();
      await broker.log.unsubscribe("news");
      await publishMany(broker.log, "news", 1);
      await idle();
      expect(events.offsets("news")).toEqual([1]);
    });

    it("go on when unsubscribe is followed by subscribe at once", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      const leaving = broker.log.unsubscribe("news");
      const coming = broker.log.subscribe("news");
      await Promise.all([leaving, coming]);
      await publishMany(broker.log, "news", 2);
      await idle();
      expect(events.offsets("news")).toEqual([1, 2]);
    });

    it("stay away when subscribe is followed by unsubscribe at once", async () => {
      const { broker, events, idle } = await start();
      const coming = broker.log.subscribe("news");
      const leaving = broker.log.unsubscribe("news");
      await Promise.all([coming, leaving]);
      await publishMany(broker.log, "news", 2);
      await idle();
      expect(events.offsets("news")).toEqual([]);
    });

    it("do not mind an unsubscribe from a channel never subscribed to", async () => {
      const { broker } = await start();
      await expect(broker.log.unsubscribe("news")).resolves.toBeUndefined();
    });
  });
}
