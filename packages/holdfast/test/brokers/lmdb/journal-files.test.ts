import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, journalFilesOf, openBroker } from "./support/store.js";

const maxJournalBytes = 20_000;

describe("journal files", () => {
  it("rotate and are removed once indexed, and nothing is lost at any point", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker, checkpoint } = await openBroker(folder, { maxJournalBytes });
    const seen = new Set<string>();
    for (const n of countTo(60)) {
      await record.publish(broker.log, `news-${n % 5}`, publicationOf(n));
      if (n % 6 === 0) await checkpoint();
      for (const file of journalFilesOf(folder)) seen.add(file);
      expect(journalFilesOf(folder).length).toBeLessThanOrEqual(3);
      if (n % 10 !== 0) continue;
      const crashed = await openBroker(crashCopyOf(folder));
      await record.expectKeptBy(crashed.broker.log);
      await crashed.broker.close();
    }
    expect(seen.size).toBeGreaterThan(5);
  });

  it("are gone after a clean close, also after an earlier crash", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder, { maxJournalBytes });
    for (const n of countTo(40)) await record.publish(first.broker.log, "news", publicationOf(n));
    const copy = crashCopyOf(folder);
    await first.broker.close();
    expect(journalFilesOf(folder)).toEqual([]);
    const second = await openBroker(copy);
    await second.broker.close();
    expect(journalFilesOf(copy)).toEqual([]);
    await record.expectKeptBy((await openBroker(copy)).broker.log);
  });

  it("left by a crash are soon removed although only some channels are active", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder);
    for (const n of countTo(40)) await record.publish(first.broker.log, `news-${n}`, publicationOf(n));
    const copy = crashCopyOf(folder);
    const left = journalFilesOf(copy);
    const second = await openBroker(copy, { maxJournalBytes });
    for (const n of countTo(20)) {
      await record.publish(second.broker.log, "news-1", publicationOf(100 + n));
      await second.checkpoint();
    }
    expect(left.filter((file) => existsSync(file))).toEqual([]);
    await record.expectKeptBy((await openBroker(crashCopyOf(copy))).broker.log);
  });

  it("change nothing when a crash before their removal makes them read twice", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder, { maxJournalBytes });
    const retention = { maxEntries: 1000, maxBytes: 10_000_000, ttlMs: 1e9 };
    for (const n of countTo(30))
      await record.publish(first.broker.log, "news", publicationOf(n), {
        retention,
        idempotencyKey: `key ${n}`,
      });
    const before = crashCopyOf(folder);
    await first.checkpoint();
    const after = crashCopyOf(folder);
    for (const file of journalFilesOf(before)) copyFileSync(file, join(after, file.split("/").at(-1) ?? ""));
    const { broker } = await openBroker(after, { clock: first.clock });
    await record.expectKeptBy(broker.log);
    for (const n of countTo(30)) {
      const options = { retention, idempotencyKey: `key ${n}` };
      expect((await broker.log.publish("news", publicationOf(n), options)).isDuplicate).toBe(true);
    }
    await record.expectKeptBy(broker.log);
  });
});

describe("copy of a folder in use by a server", () => {
  it("opens as an independent store despite the owner file in it", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    await record.publish(broker.log, "news", publicationOf(1));
    const copy = crashCopyOf(folder);
    copyFileSync(join(folder, "owner.json"), join(copy, "owner.json"));
    await record.expectKeptBy((await openBroker(copy)).broker.log);
  });
});
