/**
 * What every broker has to do (src/channels/broker.ts), as one suite that is run over each of them. Tests that need a
 * capability the broker lacks are skipped, and say so in their title.
 */
import { afterEach, describe, expect, it } from "vitest";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { describeEvents } from "./events.js";
import {
  ample,
  type BrokerCapabilities,
  type BrokerFixture,
  type BrokerUnderTest,
  client,
  openFixture,
  query,
  type Section,
} from "./fixture.js";
import { describeHistory } from "./history.js";
import { describeIdempotency } from "./idempotency.js";
import { describeKeys } from "./keys.js";
import { describeNames } from "./names.js";
import { describePresence } from "./presence.js";
import { describePublishing } from "./publishing.js";
import { describeRetention } from "./retention.js";

export function describeBroker(
  name: string,
  create: () => Promise<BrokerFixture>,
  capabilities: BrokerCapabilities,
): void {
  describe(`${name} broker`, () => {
    const started: BrokerUnderTest[] = [];
    const section: Section = {
      capabilities,
      start: async () => {
        const opened = await openFixture(await create());
        started.push(opened);
        return opened;
      },
    };

    afterEach(async () => {
      for (const { broker } of started.splice(0)) await broker.close().catch(() => {});
    });

    describePublishing(section);
    describeIdempotency(section);
    describeRetention(section);
    describeHistory(section);
    describeEvents(section);
    describeKeys(section);
    describePresence(section);
    describeNames(section);
    describeClosing(section);
  });
}

const calls: readonly [string, (broker: Broker) => Promise<unknown>][] = [
  ["subscribe", (broker) => broker.subscribe("news")],
  ["unsubscribe", (broker) => broker.unsubscribe("news")],
  ["publish", (broker) => broker.publish("news", { data: "1" }, { retention: ample })],
  ["history", (broker) => broker.history("news", query())],
  ["keys", (broker) => broker.keys("news", { maxEntries: 1, maxBytes: 1 })],
  ["value", (broker) => broker.value("news", "a")],
  ["renewKey", (broker) => broker.renewKey("news", "a")],
  ["addPresence", (broker) => broker.addPresence("news", client("ann"), 60_000)],
  ["removePresence", (broker) => broker.removePresence("news", "ann")],
  ["presence", (broker) => broker.presence("news")],
  ["presenceStats", (broker) => broker.presenceStats("news")],
  ["announce", (broker) => broker.announce("news", "join", client("ann"))],
];

function describeClosing({ start }: Section): void {
  describe("closing", () => {
    it.each(calls)("%s rejects with HF_BROKER_CLOSED after close", async (_name, call) => {
      const { broker } = await start();
      await broker.subscribe("news");
      await broker.close();
      await expect(call(broker)).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    });

    it("tells nothing after close", async () => {
      const { broker, events, idle } = await start();
      await broker.subscribe("news");
      await broker.close();
      await broker.publish("news", { data: "1" }, { retention: ample }).catch(() => {});
      await broker.announce("news", "join", client("ann")).catch(() => {});
      await idle();
      expect(events.publications).toEqual([]);
      expect(events.announcements).toEqual([]);
    });
  });
}
