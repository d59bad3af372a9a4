/**
 * What every broker has to do, as suites for its three contracts: channels/log.ts, broker.ts (the presence store) and cluster.ts. Tests that
 * need a capability that the broker lacks are skipped, and their titles say why.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { describeCluster } from "./cluster.js";
import { describeEvents } from "./events.js";
import {
  ample,
  type BrokerCapabilities,
  type BrokerFixture,
  client,
  openFixture,
  query,
  Section,
} from "./fixture.js";
import { describeFloors } from "./floors.js";
import { describeHeads } from "./heads.js";
import { describeHistory } from "./history.js";
import { describeIdempotency } from "./idempotency.js";
import { describeKeys } from "./keys.js";
import { describeLossyEvents } from "./lossy-events.js";
import { describeNames } from "./names.js";
import { describeNodes } from "./nodes.js";
import { describePayloads } from "./payloads.js";
import { describePresence } from "./presence.js";
import { describePublishing } from "./publishing.js";
import { describeRetention } from "./retention.js";
import { describeUnavailable } from "./unavailable.js";

export function describeBroker(
  name: string,
  create: () => Promise<BrokerFixture>,
  capabilities: BrokerCapabilities,
): void {
  describe(`${name} broker`, () => {
    const opened: Broker[] = [];
    const start = async () => openFixture(await create(), (broker) => opened.push(broker));
    const section = new Section(start, capabilities);

    afterEach(async () => {
      for (const broker of opened.splice(0)) await broker.close().catch(() => {});
    });

    describe("log", () => {
      describePublishing(section);
      describePayloads(section);
      describeIdempotency(section);
      describeRetention(section);
      describeHistory(section);
      describeHeads(section);
      describeFloors(section);
      describeEvents(section);
      describeLossyEvents(section);
      section.describeWith("hasMaps")("maps", () => describeKeys(section));
      describeNames(section);
      describeNodes(section);
      describeUnavailable(section);
    });
    describe("presence store", () => describePresence(section));
    describe("cluster", () => describeCluster(section));
    describeClosing(section);
  });
}

const calls: readonly [string, (broker: Broker) => Promise<unknown>][] = [
  ["subscribe", (broker) => broker.log.subscribe("news")],
  ["unsubscribe", (broker) => broker.log.unsubscribe("news")],
  ["publish", (broker) => broker.log.publish("news", { data: "1" }, { retention: ample })],
  ["history", (broker) => broker.log.history("news", query())],
  ["keys", (broker) => broker.log.keys("news", { maxEntries: 1, maxBytes: 1 })],
  ["value", (broker) => broker.log.value("news", "a")],
  ["renewKey", (broker) => broker.log.renewKey("news", "a")],
  ["presence.add", (broker) => broker.presence.add("news", client("ann"), 60_000)],
  ["presence.remove", (broker) => broker.presence.remove("news", "ann")],
  ["presence.list", (broker) => broker.presence.list("news")],
  ["presence.stats", (broker) => broker.presence.stats("news")],
  ["heads", (broker) => broker.log.heads(["news"])],
  ["removeHistory", (broker) => broker.log.removeHistory("news")],
  ["presence.announce", (broker) => broker.presence.announce("news", "join", client("ann"))],
  ["cluster.nodes", (broker) => broker.cluster.nodes()],
  ["cluster.send", (broker) => broker.cluster.send({ kind: "send", target: { user: "ann" }, data: "1" })],
  ["cluster.announceHistoryRemoved", (broker) => broker.cluster.announceHistoryRemoved("news")],
];

function describeClosing({ start }: Section): void {
  describe("closing", () => {
    it.each(calls)("%s rejects with HF_BROKER_CLOSED after close", async (_name, call) => {
      const { broker } = await start();
      await broker.log.subscribe("news");
      await broker.close();
      await expect(call(broker)).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    });

    it("tells nothing after close", async () => {
      const { broker, events, idle } = await start();
      await broker.log.subscribe("news");
      await broker.close();
      await broker.log.publish("news", { data: "1" }, { retention: ample }).catch(() => {});
      await broker.presence.announce("news", "join", client("ann")).catch(() => {});
      await idle();
      expect(events.publications).toEqual([]);
      expect(events.announcements).toEqual([]);
    });
  });
}
