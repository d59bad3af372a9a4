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
      const ids = (await broker.cluster.nodes()).map(({ id }) => id);
      expect(ids.sort()).toEqual(
        [broker, ...peers.map((peer) => peer.broker)].map(({ cluster }) => cluster.id).sort(),
      );
    });

    it("get every command once, in the order of its sender, and are waited for", async () => {
      const { broker, events, openPeer } = await start();
      const peer = await openPeer();
      const error = replyError("permissionDenied");
      peer.events.answer = async () => ({ error });
      const sent = countTo(20).map((n): ClusterCommand => ({ kind: "send", target, data: String(n) }));
      const answers = await Promise.all(sent.map((command) => broker.cluster.send(command)));
      expect(events.commands).toEqual(sent);
      expect(peer.events.commands).toEqual(sent);
      for (const { outcomes, silent } of answers) {
        expect(outcomes.get(peer.broker.cluster.id)).toEqual({ error });
        expect(outcomes.get(broker.cluster.id)).toEqual({});
        expect(silent).toEqual([]);
      }
    });

    it("are no longer there once they have closed", async () => {
      const { broker, openPeer } = await start();
      const peer = await openPeer();
      await peer.broker.close();
      expect((await broker.cluster.nodes()).map(({ id }) => id)).toEqual([broker.cluster.id]);
      expect((await broker.cluster.send(commands[4] as ClusterCommand)).silent).toEqual([]);
    });

    it("hear of history that another has removed", async () => {
      const { broker, idle, openPeer } = await start();
      const peer = await openPeer();
      await broker.cluster.announceHistoryRemoved("news");
      await idle();
      expect(peer.events.removedHistories).toEqual(["news"]);
    });
  });
}
