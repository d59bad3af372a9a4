import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability } from "../../../src/channels/log.js";
import type { Publication } from "../../../src/wire/messages.js";
import { createFolder, openBroker } from "./support/store.js";

const durabilities: readonly Durability[] = [
  "disk",
  "memory",
  "process",
  "memory",
  "process",
  "disk",
  "process",
];

describe("events of concurrent publications with mixed durability", () => {
  it("arrive in offset order, when readable, before publish resolves", async () => {
    const { broker, clock, events } = await openBroker(createFolder());
    const channels = ["news", "sport"];
    for (const channel of channels) await broker.log.subscribe(channel);
    const reads: Promise<readonly Publication[]>[] = [];
    const told = new Set<string>();
    const order: string[] = [];
    events.onEachPublication = ({ channel, publication: { offset } }) => {
      told.add(`${channel} ${offset}`);
      const from = query({ sinceOffset: offset - 1, maxEntries: 1 });
      reads.push(broker.log.history(channel, from).then(({ publications }) => publications));
    };
    const publishes: Promise<void>[] = [];
    for (const n of countTo(120)) {
      const channel = channels[n % 2] ?? "";
      const durability = durabilities[n % durabilities.length] ?? "disk";
      const publishing = broker.log.publish(channel, { data: String(n) }, { retention: ample, durability });
      publishes.push(
        publishing.then(({ position }) => {
          expect(told.has(`${channel} ${position.offset}`)).toBe(true);
          order.push(`${channel} ${position.offset}`);
        }),
      );
      if (n % 7 === 0) await new Promise(setImmediate);
      if (n % 30 === 0) clock.advance(50);
    }
    await Promise.all(publishes);
    for (const channel of channels) {
      expect(events.offsets(channel)).toEqual(countTo(60));
      const ofChannel = order.filter((text) => text.startsWith(channel));
      expect(ofChannel).toEqual(countTo(60).map((offset) => `${channel} ${offset}`));
    }
    const pages = await Promise.all(reads);
    expect(pages.map(([publication]) => publication)).toEqual(
      events.publications.map(({ publication }) => publication),
    );
  });

  it("have arrived for everything that history returns", async () => {
    const { broker, events } = await openBroker(createFolder());
    await broker.log.subscribe("news");
    const publishes = countTo(40).map(async (n) => {
      for (let turn = n; turn > 0; turn--) await new Promise(setImmediate);
      const durability = durabilities[n % durabilities.length] ?? "disk";
      await broker.log.publish("news", { data: String(n) }, { retention: ample, durability });
    });
    let isOver = false;
    const watch = async () => {
      while (!isOver) {
        const { position, publications } = await broker.log.history("news", query());
        expect(events.offsets("news").length).toBeGreaterThanOrEqual(position.offset);
        expect(publications.map(({ offset }) => offset)).toEqual(countTo(position.offset));
        await new Promise(setImmediate);
      }
    };
    const watching = watch();
    await Promise.all(publishes);
    isOver = true;
    await watching;
  });
});
