/** Presence: entries on a lease. */
import { describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { client, type Section } from "./fixture.js";

const leaseMs = 60_000;

async function clientsIn(broker: Broker, channel: string): Promise<string[]> {
  return (await broker.presence(channel)).map((info) => info.client).sort();
}

export function describePresence({ start, capabilities }: Section): void {
  describe("presence", () => {
    it("lists who was added, as they were given", async () => {
      const { broker } = await start();
      const ann = { user: "ann", client: "c-1", connInfo: '{"name":"Ann"}', chanInfo: "[1]" };
      await broker.addPresence("news", ann, leaseMs);
      await broker.addPresence("news", client("c-2", "bob"), leaseMs);
      const entries = [...(await broker.presence("news"))];
      entries.sort((a, b) => (a.client < b.client ? -1 : 1));
      expect(entries).toEqual([ann, client("c-2", "bob")]);
    });

    it("is empty for a channel nobody is in", async () => {
      const { broker } = await start();
      expect(await broker.presence("news")).toEqual([]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 0, numUsers: 0 });
    });

    it("is kept per channel", async () => {
      const { broker } = await start();
      await broker.addPresence("news", client("ann"), leaseMs);
      await broker.addPresence("sport", client("bob"), leaseMs);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await clientsIn(broker, "sport")).toEqual(["bob"]);
    });

    it("has one entry per client, with what was added last", async () => {
      const { broker } = await start();
      await broker.addPresence("news", client("c-1", "ann"), leaseMs);
      await broker.addPresence("news", { ...client("c-1", "bob"), connInfo: "2" }, leaseMs);
      expect(await broker.presence("news")).toEqual([{ user: "bob", client: "c-1", connInfo: "2" }]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });

    it("loses the entry that is removed and no other", async () => {
      const { broker } = await start();
      await broker.addPresence("news", client("ann"), leaseMs);
      await broker.addPresence("news", client("bob"), leaseMs);
      await broker.removePresence("news", "ann");
      await broker.removePresence("sport", "bob");
      expect(await clientsIn(broker, "news")).toEqual(["bob"]);
    });

    it("does not mind the removal of somebody who is not there", async () => {
      const { broker } = await start();
      await expect(broker.removePresence("news", "ann")).resolves.toBeUndefined();
    });

    it("takes adding and removing at the same time in the order of the calls", async () => {
      const { broker } = await start();
      const add = (name: string) => broker.addPresence("news", client(name), leaseMs);
      const remove = (name: string) => broker.removePresence("news", name);
      await Promise.all([add("ann"), remove("ann"), remove("bob"), add("bob")]);
      expect(await clientsIn(broker, "news")).toEqual(["bob"]);
    });

    it("counts clients and distinct users, all anonymous ones as one", async () => {
      const { broker } = await start();
      await broker.addPresence("news", client("c-1", "ann"), leaseMs);
      await broker.addPresence("news", client("c-2", "ann"), leaseMs);
      await broker.addPresence("news", client("c-3", "bob"), leaseMs);
      await broker.addPresence("news", client("c-4", ""), leaseMs);
      await broker.addPresence("news", client("c-5", ""), leaseMs);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 5, numUsers: 3 });
      await broker.removePresence("news", "c-1");
      expect(await broker.presenceStats("news")).toEqual({ numClients: 4, numUsers: 3 });
      await broker.removePresence("news", "c-2");
      expect(await broker.presenceStats("news")).toEqual({ numClients: 3, numUsers: 2 });
    });
  });

  describe.skipIf(!capabilities.canMoveTime)("presence lease", () => {
    it("ends by itself", async () => {
      const { broker, advance } = await start();
      await broker.addPresence("news", client("ann"), leaseMs);
      await advance(leaseMs - 1);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      await advance(2);
      expect(await clientsIn(broker, "news")).toEqual([]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 0, numUsers: 0 });
    });

    it("counts from its last renewal", async () => {
      const { broker, advance } = await start();
      await broker.addPresence("news", client("ann"), leaseMs);
      await broker.addPresence("news", client("bob"), leaseMs);
      await advance(40_000);
      await broker.addPresence("news", client("ann"), leaseMs);
      await advance(40_000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 1, numUsers: 1 });
      await advance(21_000);
      expect(await clientsIn(broker, "news")).toEqual([]);
    });

    it("ends in its own time beside longer ones", async () => {
      const { broker, advance } = await start();
      await broker.addPresence("news", client("ann"), leaseMs);
      await broker.addPresence("news", client("bob"), 1000);
      await advance(2000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });

    it("can be taken anew after its end", async () => {
      const { broker, advance } = await start();
      await broker.addPresence("news", client("ann"), 1000);
      await advance(2000);
      await broker.addPresence("news", client("ann"), 1000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presenceStats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });
  });
}
