/** A store that cannot be reached for a while. */
import { expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { ample, client, offsetsIn, publishMany, query, type Section } from "./fixture.js";

const calls: readonly [string, (broker: Broker) => Promise<unknown>][] = [
  ["publish", (broker) => broker.log.publish("news", { data: '"lost"' }, { retention: ample })],
  ["subscribe", (broker) => broker.log.subscribe("sport")],
  ["history", (broker) => broker.log.history("news", query())],
  ["heads", (broker) => broker.log.heads(["news"])],
  ["removeHistory", (broker) => broker.log.removeHistory("sport")],
];

const callsOfMaps: typeof calls = [
  ["keys", (broker) => broker.log.keys("news", { maxEntries: 1, maxBytes: 1 })],
  ["value", (broker) => broker.log.value("news", "a")],
  ["renewKey", (broker) => broker.log.renewKey("news", "a")],
];

export function describeUnavailable({ start, has, describeWith, itWith }: Section): void {
  describeWith("canCutStore")("store that cannot be reached", () => {
    it("makes every call reject with HF_BROKER_UNAVAILABLE", async () => {
      const { broker, cut, wait } = await start();
      await publishMany(broker.log, "news", 1);
      await cut();
      const all = has("hasMaps") ? [...calls, ...callsOfMaps] : calls;
      const outcomes = await wait(
        Promise.all(
          all.map(([name, call]) =>
            call(broker).then(
              () => `${name} resolved`,
              (error: { readonly code?: string }) => `${name} ${error.code}`,
            ),
          ),
        ),
      );
      expect(outcomes).toEqual(all.map(([name]) => `${name} HF_BROKER_UNAVAILABLE`));
    });

    it("is reported once, and once when it is back, and everything works again", async () => {
      const { broker, events, cut, restore, until, wait } = await start();
      await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 2);
      await cut();
      await until("it is reported", () => events.connection.length > 0);
      await restore();
      await until("it is back", () => events.connection.length > 1);
      expect(events.connection).toEqual(["disconnect", "reconnect"]);
      await wait(publishMany(broker.log, "news", 1));
      const offsets = await wait(offsetsIn(broker.log, "news"));
      expect(offsets.slice(0, 2)).toEqual([1, 2]);
      const newest = offsets.at(-1) ?? 0;
      await until("events come again", () => events.offsets("news").includes(newest));
    });

    it("lets unsubscribe and close work", async () => {
      const { broker, cut, wait } = await start();
      await broker.log.subscribe("news");
      await cut();
      await wait(broker.log.unsubscribe("news").catch(() => {}));
      await wait(broker.close());
      await expect(broker.log.history("news", query())).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    });
  });

  itWith("canCutStore", "hasNodes")(
    "what peers publish meanwhile shows in the heads afterwards",
    async () => {
      const { broker, events, cut, openPeer, restore, until, wait } = await start();
      const peer = await openPeer();
      await broker.log.subscribe("news");
      await publishMany(broker.log, "news", 1);
      await cut();
      await until("it is reported", () => events.connection.length > 0);
      await wait(publishMany(peer.broker.log, "news", 3));
      await restore();
      await until("it is back", () => events.connection.length > 1);
      expect((await wait(broker.log.heads(["news"]))).get("news")?.offset).toBe(4);
      expect(await wait(offsetsIn(broker.log, "news", { sinceOffset: 1 }))).toEqual([2, 3, 4]);
      await wait(publishMany(peer.broker.log, "news", 1));
      await until("events come again", () => events.offsets("news").includes(5));
    },
  );

  itWith("canCutStore", "hasNodes")("presence is not listed while other nodes cannot be asked", async () => {
    const { broker, cut, openPeer, restore, until, wait } = await start();
    const peer = await openPeer();
    await peer.broker.presence.add("news", client("ann"), 60_000);
    await cut();
    await expect(wait(broker.presence.list("news"))).rejects.toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
    await restore();
    await until("the peer is listed again", () =>
      broker.presence.list("news").then(
        (entries) => entries.length === 1,
        () => false,
      ),
    );
  });
}
