import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability, NewPublication } from "../../../src/channels/log.js";
import { PublicationRecord, publicationOf, readAll } from "./support/record.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const durabilities: readonly Durability[] = ["process", "disk"];
const channels = ["news", "news:1", "new", " ", "~".repeat(255), "news "];

describe("reopened store", () => {
  it("has every publication at its offset of the same epoch", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder);
    for (const n of countTo(210))
      await record.publish(first.broker.log, channels[n % channels.length] ?? "", publicationOf(n));
    await first.broker.close();
    const second = await openBroker(folder);
    await record.expectKeptBy(second.broker.log);
    expect(second.errors).toEqual([]);
  });

  it("continues offsets in the same epoch, also on a third run", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    for (const run of countTo(3)) {
      const { broker } = await openBroker(folder);
      for (const n of countTo(20)) await record.publish(broker.log, "news", publicationOf(run * 100 + n));
      await record.expectKeptBy(broker.log);
      await broker.close();
    }
    const { broker } = await openBroker(folder);
    expect((await broker.log.subscribe("news")).offset).toBe(60);
  });

  it("keeps the epoch of a log that is empty", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const subscribed = await first.broker.log.subscribe("subscribed");
    const { position: read } = await first.broker.log.history("read", query());
    await first.broker.close();
    const second = await openBroker(folder);
    expect(await second.broker.log.subscribe("subscribed")).toEqual(subscribed);
    expect(await second.broker.log.subscribe("read")).toEqual(read);
  });

  it("keeps a log's offset when retention keeps no entries", async () => {
    const folder = createFolder();
    const retention = { ...ample, maxEntries: 0 };
    const first = await openBroker(folder);
    await first.broker.log.publish("news", { data: "1" }, { retention });
    const { position } = await first.broker.log.publish("news", { data: "2" }, { retention });
    await first.broker.close();
    const second = await openBroker(folder);
    expect(await second.broker.log.history("news", query())).toEqual({ publications: [], position });
  });

  it("has acknowledged publications from right before and during close", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    const publishes = countTo(50).map((n) => record.publish(broker.log, "news", publicationOf(n)));
    const closing = broker.close();
    const late = record.publish(broker.log, "news", publicationOf(51));
    const results = await Promise.allSettled([...publishes, late, closing]);
    expect(results.at(-1)).toEqual({ status: "fulfilled", value: undefined });
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });

  it("returns the same publications as before, time included", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    for (const n of countTo(24)) {
      await first.broker.log.publish("news", publicationOf(n), { retention: ample });
      await first.advance(7, 1);
    }
    const before = await readAll(first.broker.log, "news");
    await first.broker.close();
    const second = await openBroker(folder, { clock: first.clock });
    expect(await readAll(second.broker.log, "news")).toEqual(before);
  });
});

describe.each(durabilities)("store after a crash, with durability %s", (durability) => {
  it("has acknowledged publications that were not checkpointed", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    await Promise.all(
      countTo(210).map((n) =>
        record.publish(broker.log, channels[n % channels.length] ?? "", publicationOf(n), { durability }),
      ),
    );
    const after = await openBroker(crashCopyOf(folder));
    await record.expectKeptBy(after.broker.log);
    expect(after.errors).toEqual([]);
  });

  it("has the contents of index and journal after a second crash right away", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder);
    for (const n of countTo(30))
      await record.publish(first.broker.log, "news", publicationOf(n), { durability });
    await first.checkpoint();
    for (const n of countTo(60, 31))
      await record.publish(first.broker.log, "news", publicationOf(n), { durability });
    const again = crashCopyOf(folder);
    const second = await openBroker(again);
    const third = await openBroker(crashCopyOf(again));
    await record.expectKeptBy(third.broker.log);
    await record.publish(third.broker.log, "news", publicationOf(61), { durability });
    await third.checkpoint();
    await record.expectKeptBy(third.broker.log);
    await second.broker.close();
    const fourth = await openBroker(again);
    expect(await offsetsIn(fourth.broker.log, "news")).toEqual(countTo(60));
  });

  it("has publications made after a crash, after another one", async () => {
    let folder = createFolder();
    const record = new PublicationRecord();
    for (const run of countTo(5)) {
      const { broker, checkpoint } = await openBroker(folder);
      for (const n of countTo(10))
        await record.publish(broker.log, `news-${n % 2}`, publicationOf(run * 100 + n), { durability });
      if (run % 2 === 0) await checkpoint();
      folder = crashCopyOf(folder);
    }
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });
});

describe("publication with the smallest and the largest contents", () => {
  const largest: readonly [string, NewPublication][] = [
    ["an empty string as data", { data: '""' }],
    ["data of 4 MiB", { data: JSON.stringify("é".repeat(2 ** 21)) }],
    [
      "tags and key of many characters",
      { data: "1", key: "k".repeat(5000), tags: { t: "t".repeat(70_000) } },
    ],
    ["half of a character in a user's name", { data: "1", info: { user: "\ud83d", client: "\udc00" } }],
  ];

  it.each(largest)("survives a crash and a close: %s", async (_name, publication) => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    await record.publish(broker.log, "news", { data: "0" });
    await record.publish(broker.log, "news", publication);
    await record.expectKeptBy((await openBroker(crashCopyOf(folder))).broker.log);
    await broker.close();
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });
});
