import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import { PublicationRecord, publicationOf, readAll } from "./support/record.js";
import { crashCopyOf, createFolder, journalFilesOf, keepJournalEnds, openBroker } from "./support/store.js";

/** A store after a crash. The last write to its journal has one publication. */
async function createStore() {
  const folder = createFolder();
  const record = new PublicationRecord();
  const { broker, checkpoint } = await openBroker(folder);
  const endFirst = keepJournalEnds(folder);
  for (const n of countTo(5)) await record.publish(broker.log, "news", publicationOf(n));
  await checkpoint();
  for (const n of countTo(4)) await record.publish(broker.log, "sport", publicationOf(n));
  const start = broker.sizes.journalBytes;
  const endLast = keepJournalEnds(folder);
  await broker.log.publish("sport", publicationOf(0), {
    retention: { maxEntries: 9, maxBytes: 1e9, ttlMs: 1e9 },
  });
  const end = broker.sizes.journalBytes;
  const { publications } = await readAll(broker.log, "sport");
  const copy = crashCopyOf(folder);
  endLast(copy);
  return { folder: copy, record, start, end, publications, endFirst };
}

function lastJournalOf(folder: string): string {
  return journalFilesOf(folder).at(-1) ?? "";
}

describe("journal with a torn last write", () => {
  it("yields everything before it, wherever the write ended", { timeout: 120_000 }, async () => {
    const { folder, start, end, publications } = await createStore();
    expect(readFileSync(lastJournalOf(folder))).toHaveLength(end);
    for (let length = start; length <= end; length++) {
      const copy = crashCopyOf(folder);
      truncateSync(lastJournalOf(copy), length);
      const { broker, errors } = await openBroker(copy);
      const left = publications.slice(0, length < end ? 4 : 5);
      expect((await readAll(broker.log, "sport")).publications).toEqual(left);
      expect(await offsetsIn(broker.log, "news")).toEqual(countTo(5));
      expect(errors).toEqual([]);
      await broker.close();
    }
  });

  it("yields everything before it across crashes right after each start", async () => {
    const { folder, record, end } = await createStore();
    truncateSync(lastJournalOf(folder), end - 3);
    let copy = folder;
    for (const n of countTo(3)) {
      const { broker, errors } = await openBroker(copy);
      expect(errors).toEqual([]);
      await record.publish(broker.log, "sport", publicationOf(100 + n));
      copy = crashCopyOf(copy);
      // The beginning of a write of a kilobyte.
      writeFileSync(lastJournalOf(copy), Buffer.from([0, 4, 0, 0, 1, 2, 3]), { flag: "a" });
    }
    await record.expectKeptBy((await openBroker(copy)).broker.log);
  });

  it("reuses the unacknowledged offset in the same epoch", async () => {
    const { folder, record, end } = await createStore();
    truncateSync(lastJournalOf(folder), end - 1);
    const { broker } = await openBroker(folder);
    await record.publish(broker.log, "sport", publicationOf(100));
    await record.expectKeptBy(broker.log);
    expect((await broker.log.subscribe("sport")).offset).toBe(5);
  });

  it("may have torn its first write", async () => {
    const { folder, endFirst } = await createStore();
    endFirst(folder);
    truncateSync(lastJournalOf(folder), 3);
    const { broker } = await openBroker(folder);
    expect(await offsetsIn(broker.log, "news")).toEqual(countTo(5));
  });

  it("yields everything before it when the next start ends at any moment, too", async () => {
    const { folder, record, end } = await createStore();
    truncateSync(lastJournalOf(folder), end - 3);
    const copies: string[] = [];
    let isOver = false;
    const opening = openBroker(folder).then(() => {
      isOver = true;
    });
    while (!isOver) {
      await new Promise(setImmediate);
      if (copies.length < 20) copies.push(crashCopyOf(folder));
    }
    await opening;
    for (const copy of copies) {
      const { broker } = await openBroker(copy);
      await record.expectKeptBy(broker.log);
      await broker.close();
    }
  });
});
