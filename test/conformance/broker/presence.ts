/** Presence: entries on a lease, and word of who comes and goes. */
import { describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { client, countTo, query, type Section } from "./fixture.js";

const leaseMs = 60_000;

async function clientsIn(broker: Broker, channel: string): Promise<string[]> {
  return (await broker.presence.list(channel)).map((info) => info.client).sort();
}

export function describePresence({ start, describeWith }: Section): void {
  describe("presence", () => {
    it("lists who was added, as they were given", async () => {
      const { broker } = await start();
      const ann = { user: "ann", client: "c-1", connInfo: '{"name":"Ann"}', chanInfo: "[1]" };
      await broker.presence.add("news", ann, leaseMs);
      await broker.presence.add("news", client("c-2", "bob"), leaseMs);
      const entries = [...(await broker.presence.list("news"))];
      entries.sort((a, b) => (a.client < b.client ? -1 : 1));
      expect(entries).toEqual([ann, client("c-2", "bob")]);
    });

    it("is empty for a channel nobody is in", async () => {
      const { broker } = await start();
      expect(await broker.presence.list("news")).toEqual([]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 0, numUsers: 0 });
    });

    it("is kept per channel", async () => {
      const { broker } = await start();
      await broker.presence.add("news", client("ann"), leaseMs);
      await broker.presence.add("sport", client("bob"), leaseMs);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await clientsIn(broker, "sport")).toEqual(["bob"]);
    });

    it("has one entry per client, with what was added last", async () => {
      const { broker } = await start();
      await broker.presence.add("news", client("c-1", "ann"), leaseMs);
      await broker.presence.add("news", { ...client("c-1", "bob"), connInfo: "2" }, leaseMs);
      expect(await broker.presence.list("news")).toEqual([{ user: "bob", client: "c-1", connInfo: "2" }]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });

    it("loses the entry that is removed and no other", async () => {
      const { broker } = await start();
      await broker.presence.add("news", client("ann"), leaseMs);
      await broker.presence.add("news", client("bob"), leaseMs);
      await broker.presence.remove("news", "ann");
      await broker.presence.remove("sport", "bob");
      expect(await clientsIn(broker, "news")).toEqual(["bob"]);
    });

    it("does not mind the removal of somebody who is not there", async () => {
      const { broker } = await start();
      await expect(broker.presence.remove("news", "ann")).resolves.toBeUndefined();
    });

    it("takes adding and removing at the same time in the order of the calls", async () => {
      const { broker } = await start();
      const add = (name: string) => broker.presence.add("news", client(name), leaseMs);
      const remove = (name: string) => broker.presence.remove("news", name);
      await Promise.all([add("ann"), remove("ann"), remove("bob"), add("bob")]);
      expect(await clientsIn(broker, "news")).toEqual(["bob"]);
    });

    it("counts clients and distinct users, all anonymous ones as one", async () => {
      const { broker } = await start();
      await broker.presence.add("news", client("c-1", "ann"), leaseMs);
      await broker.presence.add("news", client("c-2", "ann"), leaseMs);
      await broker.presence.add("news", client("c-3", "bob"), leaseMs);
      await broker.presence.add("news", client("c-4", ""), leaseMs);
      await broker.presence.add("news", client("c-5", ""), leaseMs);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 5, numUsers: 3 });
      await broker.presence.remove("news", "c-1");
      expect(await broker.presence.stats("news")).toEqual({ numClients: 4, numUsers: 3 });
      await broker.presence.remove("news", "c-2");
      expect(await broker.presence.stats("news")).toEqual({ numClients: 3, numUsers: 2 });
    });
  });

  describeWith("canMoveTime")("presence lease", () => {
    it("ends by itself", async () => {
      const { broker, advance } = await start();
      await broker.presence.add("news", client("ann"), leaseMs);
      await advance(leaseMs - 1);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      await advance(2);
      expect(await clientsIn(broker, "news")).toEqual([]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 0, numUsers: 0 });
    });

    it("counts from its last renewal", async () => {
      const { broker, advance } = await start();
      await broker.presence.add("news", client("ann"), leaseMs);
      await broker.presence.add("news", client("bob"), leaseMs);
      await advance(40_000);
      await broker.presence.add("news", client("ann"), leaseMs);
      await advance(40_000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 1, numUsers: 1 });
      await advance(21_000);
      expect(await clientsIn(broker, "news")).toEqual([]);
    });

    it("ends in its own time beside longer ones", async () => {
      const { broker, advance } = await start();
      await broker.presence.add("news", client("ann"), leaseMs);
      await broker.presence.add("news", client("bob"), 1000);
      await advance(2000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });

    it("can be taken anew after its end", async () => {
      const { broker, advance } = await start();
      await broker.presence.add("news", client("ann"), 1000);
      await advance(2000);
      await broker.presence.add("news", client("ann"), 1000);
      expect(await clientsIn(broker, "news")).toEqual(["ann"]);
      expect(await broker.presence.stats("news")).toEqual({ numClients: 1, numUsers: 1 });
    });
  });

  describe("announcing", () => {
    it("tells a subscribed node of joins and leaves in order", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await broker.presence.announce("news", "join", client("ann"));
      await broker.presence.announce("news", "join", client("bob"));
      await broker.presence.announce("news", "leave", client("ann"));
      await idle();
      expect(events.announcements).toEqual(["join news ann", "join news bob", "leave news ann"]);
    });

    it("keeps the order of calls that run at the same time", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await Promise.all([
        broker.presence.announce("news", "leave", client("ann")),
        broker.presence.announce("news", "join", client("ann")),
      ]);
      await idle();
      expect(events.announcements).toEqual(["leave news ann", "join news ann"]);
    });

    it("tells nothing to a node that is not subscribed", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("sport");
      await broker.presence.announce("news", "join", client("ann"));
      await idle();
      expect(events.announcements).toEqual([]);
    });

    it("leaves no trace in log and presence", async () => {
      const { broker } = await start();
      await broker.log.subscribe("news");
      await broker.presence.announce("news", "join", client("ann"));
      const { publications, position } = await broker.log.history("news", query());
      expect(publications).toEqual([]);
      expect(position.offset).toBe(0);
      expect(await broker.presence.list("news")).toEqual([]);
    });
  });

  describeWith("hasNodes")("presence over several nodes", () => {
    it("is listed and counted the same on each", async () => {
      const { broker, openPeer, wait } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      const ann = { user: "ann", client: "c-1", connInfo: '{"name":"Ann"}', chanInfo: "[1]" };
      await broker.presence.add("news", ann, leaseMs);
      await peer.broker.presence.add("news", client("c-2", "ann"), leaseMs);
      await peer.broker.presence.add("news", client("c-3", ""), leaseMs);
      for (const node of [broker, peer.broker, other.broker]) {
        const entries = [...(await wait(node.presence.list("news")))];
        entries.sort((a, b) => (a.client < b.client ? -1 : 1));
        expect(entries).toEqual([ann, client("c-2", "ann"), client("c-3", "")]);
        expect(await wait(node.presence.stats("news"))).toEqual({ numClients: 3, numUsers: 2 });
        expect(await wait(node.presence.list("sport"))).toEqual([]);
      }
      await peer.broker.presence.remove("news", "c-3");
      expect(await wait(broker.presence.stats("news"))).toEqual({ numClients: 2, numUsers: 1 });
      expect(await wait(other.broker.presence.stats("news"))).toEqual({ numClients: 2, numUsers: 1 });
    });

    it("is listed whole, however many there are", async () => {
      const { broker, openPeer, wait } = await start();
      const peer = await openPeer();
      const connInfo = JSON.stringify("x".repeat(300));
      for (const n of countTo(3000))
        await peer.broker.presence.add(
          "news",
          { ...client(`c-${n}`, `user-${n % 1000}`), connInfo },
          leaseMs,
        );
      const entries = await wait(broker.presence.list("news"));
      expect(new Set(entries.map((info) => info.client)).size).toBe(3000);
      expect(entries.every((info) => info.connInfo === connInfo)).toBe(true);
      expect(await wait(broker.presence.stats("news"))).toEqual({ numClients: 3000, numUsers: 1000 });
    });

    it("is announced to every node that is subscribed, in order, and to no other", async () => {
      const { broker, events, openPeer, until } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      await broker.log.subscribe("news");
      await peer.broker.log.subscribe("news");
      await other.broker.log.subscribe("sport");
      const told = ["join news ann", "leave news ann", "join news bob"];
      await broker.presence.announce("news", "join", client("ann"));
      await broker.presence.announce("news", "leave", client("ann"));
      await broker.presence.announce("news", "join", client("bob"));
      await broker.presence.announce("sport", "join", client("cid"));
      await until(
        "all have heard",
        () => peer.events.announcements.length >= 3 && other.events.announcements.length > 0,
      );
      expect(events.announcements).toEqual(told);
      expect(peer.events.announcements).toEqual(told);
      expect(other.events.announcements).toEqual(["join sport cid"]);
    });

    it("of a node that closes ends with it, and its leaves are announced once", async () => {
      const { broker, events, openPeer, until, wait } = await start();
      const peer = await openPeer();
      await broker.log.subscribe("news");
      await join(peer.broker, "ann");
      await until("the join is heard", () => events.announcements.length > 0);
      await peer.broker.close();
      await until("the leave is announced", () => events.announcements.length > 1);
      expect(events.announcements).toEqual(["join news ann", "leave news ann"]);
      expect(await wait(broker.presence.list("news"))).toEqual([]);
    });
  });

  describeWith("hasNodes", "canKillNodes")("presence of a node that dies", () => {
    it("ends soon, and the others announce its leaves once", async () => {
      const { broker, events, kill, openPeer, until, wait } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      await broker.log.subscribe("news");
      await other.broker.log.subscribe("news");
      for (const name of ["ann", "bob", "cid"]) await join(peer.broker, name);
      await peer.broker.presence.announce("news", "leave", client("cid"));
      await peer.broker.presence.remove("news", "cid");
      await join(other.broker, "dan");
      const all = [events, other.events];
      await until("joins are heard", () => all.every(({ announcements }) => announcements.length === 5));
      await kill(peer);
      await until("leaves are announced", () => all.every(({ announcements }) => announcements.length >= 7));
      expect(await wait(broker.presence.list("news"))).toEqual([client("dan")]);
      expect(await wait(other.broker.presence.stats("news"))).toEqual({ numClients: 1, numUsers: 1 });
      for (const { announcements } of all)
        expect(announcements.slice(5).sort()).toEqual(["leave news ann", "leave news bob"]);
    });

    it("is never left out of a list without an error while the node counts as alive", async () => {
      const { broker, kill, openPeer, wait } = await start();
      const peer = await openPeer();
      await peer.broker.presence.add("news", client("ann"), leaseMs);
      await kill(peer);
      const listed = await wait(
        broker.presence.list("news").then(
          (entries) => entries.length,
          (error: unknown) => error,
        ),
      );
      const living = (await broker.cluster.nodes()).length;
      if (living === 2) expect(listed).toMatchObject({ code: "HF_BROKER_UNAVAILABLE" });
      else expect(listed === 0 || typeof listed === "object").toBe(true);
    });
  });
}

async function join({ presence }: Broker, name: string): Promise<void> {
  await presence.add("news", client(name), leaseMs);
  await presence.announce("news", "join", client(name));
}
