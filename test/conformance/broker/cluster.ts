/** Which nodes there are, and what reaches them. */
import { describe, expect, it } from "vitest";
import type { ClusterCommand } from "../../../packages/holdfast/src/channels/cluster.js";
import { replyError } from "../../../packages/holdfast/src/wire/codes.js";
import { countTo, type Section } from "./fixture.js";

const target = { user: "ann" };
const commands: readonly ClusterCommand[] = [
  { kind: "subscribe", target, channel: "news", grant: { expiresAt: 1_700_000_000_000 } },
  { kind: "unsubscribe", target, channel: "news" },
  { kind: "disconnect", target, reason: { code: 3503, reason: "force disconnect" }, except: ["c-1"] },
  { kind: "refresh", target: { user: "ann", client: "c-1" }, isExpired: true },
  { kind: "send", target, data: '{"text":"hello"}' },
  { kind: "send", target, data: new Uint8Array([0, 255, 128, 10]) },
];

export function describeCluster({ start, describeWith }: Section): void {
  describe("nodes", () => {
    it("have this node among them, by its id", async () => {
      const { broker } = await start();
      expect((await broker.cluster.nodes()).map(({ id }) => id)).toContain(broker.cluster.id);
    });
  });

  describe("commands", () => {
    it("reach this node's handler once, in the order they were sent, as they were given", async () => {
      const { broker, events } = await start();
      await Promise.all(commands.map((command) => broker.cluster.send(command)));
      expect(events.commands).toEqual(commands);
    });

    it.each(commands)("$kind is answered with what this node says of it", async (command) => {
      const { broker, events } = await start();
      const error = replyError("permissionDenied");
      events.answer = async () => ({ error });
      const { outcomes, silent } = await broker.cluster.send(command);
      expect(outcomes.get(broker.cluster.id)).toEqual({ error });
      expect(silent).toEqual([]);
    });

    it("are answered when the node has done them", async () => {
      const { broker, events, idle } = await start();
      let finish = (): void => {};
      events.answer = () =>
        new Promise((resolve) => {
          finish = () => resolve({});
        });
      let isAnswered = false;
      const answer = broker.cluster.send({ kind: "send", target, data: "1" }).then(() => {
        isAnswered = true;
      });
      await idle();
      expect(isAnswered).toBe(false);
      finish();
      await answer;
      expect(isAnswered).toBe(true);
    });
  });

  describe("removal of a channel's history", () => {
    it("is known to this node when the announcement resolves", async () => {
      const { broker, events } = await start();
      await broker.cluster.announceHistoryRemoved("news");
      expect(events.removedHistories).toEqual(["news"]);
    });
  });

  describeWith("hasNodes")("several nodes", () => {
    it("know of each other", async () => {
      const { broker, openPeer } = await start();
      const peers = [await openPeer(), await openPeer()];
      const nodes = [broker, ...peers.map((peer) => peer.broker)];
      const ids = nodes.map(({ cluster }) => cluster.id).sort();
      for (const { cluster } of nodes)
        expect((await cluster.nodes()).map(({ id }) => id).sort()).toEqual(ids);
      const known = (await broker.cluster.nodes()).find(({ id }) => id === peers[0]?.broker.cluster.id);
      expect(known).toMatchObject({ name: "test", version: "1.0.0", startedAt: 0 });
    });

    it("get every command once, in the order of its sender, and are waited for", async () => {
      const { broker, events, openPeer, wait } = await start();
      const peer = await openPeer();
      const error = replyError("permissionDenied");
      peer.events.answer = async () => ({ error });
      const sent = countTo(20).map((n): ClusterCommand => ({ kind: "send", target, data: String(n) }));
      const answers = await wait(Promise.all(sent.map((command) => broker.cluster.send(command))));
      expect(events.commands).toEqual(sent);
      expect(peer.events.commands).toEqual(sent);
      for (const { outcomes, silent } of answers) {
        expect(outcomes.get(peer.broker.cluster.id)).toEqual({ error });
        expect(outcomes.get(broker.cluster.id)).toEqual({});
        expect(silent).toEqual([]);
      }
    });

    it("get every command as it was given", async () => {
      const { broker, openPeer, wait } = await start();
      const peer = await openPeer();
      for (const command of commands) await wait(broker.cluster.send(command));
      expect(peer.events.commands).toEqual(commands);
    });

    it("answer with data, each for itself", async () => {
      const { broker, events, openPeer, wait } = await start();
      const peer = await openPeer();
      events.answer = async () => ({ data: { numbers: [1, 2.5], text: "\u00e9\ud83d\ude00" } });
      peer.events.answer = async () => ({ data: null });
      const { outcomes } = await wait(broker.cluster.send({ kind: "stats" }));
      expect(outcomes.get(broker.cluster.id)).toEqual({
        data: { numbers: [1, 2.5], text: "\u00e9\ud83d\ude00" },
      });
      expect(outcomes.get(peer.broker.cluster.id)).toEqual({ data: null });
    });

    it("get a command for one of them alone", async () => {
      const { broker, events, openPeer, wait } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      const { id } = peer.broker.cluster;
      const data = "x".repeat(600_000);
      const command: ClusterCommand = { kind: "emulate", session: "s-1", data };
      peer.events.answer = async () => ({ data: "taken" });
      const { outcomes, silent } = await wait(broker.cluster.send(command, id));
      expect([...outcomes]).toEqual([[id, { data: "taken" }]]);
      expect(silent).toEqual([]);
      expect(peer.events.commands).toEqual([command]);
      expect([...other.events.commands, ...events.commands]).toEqual([]);
    });

    it("that do not exist are silent", async () => {
      const { broker, wait } = await start();
      const { outcomes, silent } = await wait(broker.cluster.send({ kind: "stats" }, "another"));
      expect([outcomes.size, silent]).toEqual([0, ["another"]]);
    });

    it("that do not answer are named, and do not keep others from answering", async () => {
      const { broker, openPeer, wait } = await start();
      const [peer, other] = [await openPeer(), await openPeer()];
      peer.events.answer = () => new Promise(() => {});
      const { outcomes, silent } = await wait(broker.cluster.send({ kind: "stats" }));
      expect(silent).toEqual([peer.broker.cluster.id]);
      expect([...outcomes.keys()].sort()).toEqual(
        [broker, other.broker].map(({ cluster }) => cluster.id).sort(),
      );
    });

    it("are no longer there once they have closed", async () => {
      const { broker, openPeer, until, wait } = await start();
      const peer = await openPeer();
      await peer.broker.close();
      await until("the node is gone", async () => (await broker.cluster.nodes()).length === 1);
      expect((await wait(broker.cluster.send({ kind: "stats" }))).silent).toEqual([]);
    });

    it("hear of history that another has removed", async () => {
      const { broker, openPeer, until } = await start();
      const peer = await openPeer();
      await broker.cluster.announceHistoryRemoved("news");
      await until("the peer knows", () => peer.events.removedHistories.length > 0);
      expect(peer.events.removedHistories).toEqual(["news"]);
    });
  });

  describeWith("hasNodes", "canKillNodes")("node that dies", () => {
    it("is gone after a while, and is not waited for any more", async () => {
      const { broker, kill, openPeer, until, wait } = await start();
      const peer = await openPeer();
      await kill(peer);
      const { silent } = await wait(broker.cluster.send({ kind: "stats" }));
      expect(silent).toEqual([peer.broker.cluster.id]);
      await until("the node is gone", async () => (await broker.cluster.nodes()).length === 1);
      expect((await wait(broker.cluster.send({ kind: "stats" }))).silent).toEqual([]);
    });
  });
}
