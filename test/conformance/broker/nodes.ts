/** One log for several nodes. */
import { describe, expect, it } from "vitest";
import type { NewPublication, PublishOptions } from "../../../packages/holdfast/src/channels/log.js";
import { ample, countTo, offsetsIn, publishMany, query, type Section } from "./fixture.js";

export function describeNodes({ start, describeWith, itWith }: Section): void {
  describeWith("hasNodes")("log of several nodes", () => {
    it("has every publication and its position for each of them at once", async () => {
      const { broker, openPeer } = await start();
      const { broker: peer } = await openPeer();
      expect(await peer.log.subscribe("news")).toEqual(await broker.log.subscribe("news"));
      const first = await broker.log.publish("news", { data: "1" }, { retention: ample });
      expect((await peer.log.heads(["news"])).get("news")).toEqual(first.position);
      const second = await peer.log.publish("news", { data: "2" }, { retention: ample });
      expect(second.position).toEqual({ epoch: first.position.epoch, offset: 2 });
      const page = await broker.log.history("news", query());
      expect(page).toEqual(await peer.log.history("news", query()));
      expect(page.publications.map(({ data }) => data)).toEqual(["1", "2"]);
      expect(page.position).toEqual(second.position);
    });

    it("tells each node that is subscribed, in order, whoever publishes", async () => {
      const { broker, events, openPeer, until } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      await broker.log.subscribe("news");
      const { epoch } = await peer.broker.log.subscribe("news");
      for (const node of [broker, peer.broker, other.broker]) await publishMany(node.log, "news", 5);
      await until("all events have come", () =>
        [events, peer.events].every((each) => each.publications.length >= 15),
      );
      for (const each of [events, peer.events]) {
        expect(each.offsets("news")).toEqual(countTo(15));
        expect(each.publications.every((event) => event.epoch === epoch)).toBe(true);
      }
      expect(other.events.publications).toEqual([]);
    });

    it("numbers publishes of two nodes at the same time without gaps and doubles, in the order of each", async () => {
      const { broker, events, openPeer, until, wait } = await start();
      const peer = await openPeer();
      await broker.log.subscribe("news");
      await peer.broker.log.subscribe("news");
      const publishes = countTo(60).flatMap((n) =>
        [broker, peer.broker].map((node, i) =>
          node.log.publish("news", { data: `"${"ab"[i]}${n}"` }, { retention: ample }),
        ),
      );
      const results = await wait(Promise.all(publishes));
      const offsets = results.map(({ position }) => position.offset);
      expect([...offsets].sort((a, b) => a - b)).toEqual(countTo(120));
      for (const own of [offsets.filter((_, i) => i % 2 === 0), offsets.filter((_, i) => i % 2 === 1)])
        expect(own).toEqual([...own].sort((a, b) => a - b));
      const { publications } = await broker.log.history("news", query());
      expect(publications.map(({ offset }) => offset)).toEqual(countTo(120));
      expect(new Set(publications.map(({ data }) => data)).size).toBe(120);
      await until("all events have come", () =>
        [events, peer.events].every((each) => each.publications.length >= 120),
      );
      for (const each of [events, peer.events])
        expect(each.publications.map(({ publication }) => publication)).toEqual(publications);
    });

    it("goes on telling one node when another unsubscribes", async () => {
      const { broker, events, openPeer, until } = await start();
      const peer = await openPeer();
      await broker.log.subscribe("news");
      await peer.broker.log.subscribe("news");
      await peer.broker.log.unsubscribe("news");
      await publishMany(peer.broker.log, "news", 3);
      await until("all events have come", () => events.publications.length >= 3);
      expect(events.offsets("news")).toEqual([1, 2, 3]);
      expect(peer.events.publications).toEqual([]);
    });

    it("has one effect of an idempotency key, wherever it is used", async () => {
      const { broker, openPeer, wait } = await start();
      const { broker: peer } = await openPeer();
      const keyed = { retention: ample, idempotencyKey: "order-1", sender: "api" };
      const results = await wait(
        Promise.all(
          countTo(10).map((n) => (n % 2 ? broker : peer).log.publish("news", { data: String(n) }, keyed)),
        ),
      );
      expect(results.filter(({ isDuplicate }) => !isDuplicate)).toHaveLength(1);
      for (const { position } of results) expect(position).toEqual(results[0]?.position);
      expect(await offsetsIn(peer.log, "news")).toEqual([1]);
      expect(await peer.log.publish("news", { data: "1" }, { ...keyed, sender: "other" })).toMatchObject({
        isDuplicate: false,
      });
    });

    itWith("hasMaps")(
      "sets a key that must be new on one node only, and shows its value to all",
      async () => {
        const { broker, openPeer, wait } = await start();
        const { broker: peer } = await openPeer();
        const retention = { ...ample, keys: { maxKeys: 10, maxBytes: 100_000 } };
        const set = (data: string): NewPublication => ({ key: "a", data });
        const options: PublishOptions = { retention, keyMode: "if_new" };
        const results = await wait(
          Promise.all([
            broker.log.publish("map", set("1"), options),
            peer.log.publish("map", set("2"), options),
          ]),
        );
        expect(results.filter(({ suppressed }) => suppressed === "key_exists")).toHaveLength(1);
        const value = await broker.log.value("map", "a");
        expect(value).toEqual(await peer.log.value("map", "a"));
        expect(value?.data).toBe(results[0]?.suppressed ? "2" : "1");
      },
    );

    it("has no history on any node once it is removed on one, and keeps its position", async () => {
      const { broker, openPeer } = await start();
      const { broker: peer } = await openPeer();
      await publishMany(broker.log, "news", 3);
      await peer.log.removeHistory("news");
      const { publications, position } = await broker.log.history("news", query());
      expect([publications.length, position.offset]).toEqual([0, 3]);
      await publishMany(broker.log, "news", 1);
      expect(await offsetsIn(peer.log, "news")).toEqual([4]);
    });
  });

  describe("log of one node", () => {
    it("keeps the order of calls that run at the same time in several channels", async () => {
      const { broker } = await start();
      const names = ["news", "sport", "arts"];
      const results = await Promise.all(
        countTo(60).map((n) =>
          broker.log.publish(names[n % 3] ?? "", { data: String(n) }, { retention: ample }),
        ),
      );
      expect(results.map(({ position }) => position.offset)).toEqual(
        countTo(60).map((n) => (n % 3 === 0 ? n / 3 : Math.ceil(n / 3))),
      );
    });
  });
}
