/** Crashes at every moment of what a store does for longer than a turn. */
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import type { Payload } from "../../../src/wire/payload.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const nextTurn = () => new Promise(setImmediate);

/** Copies of the folder from turn to turn while something is under way, no more than so many. */
async function copyWhile(folder: string, work: Promise<unknown>, most: number): Promise<string[]> {
  const copies = [crashCopyOf(folder)];
  let isOver = false;
  const end = work.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await nextTurn();
    if (copies.length < most) copies.push(crashCopyOf(folder));
  }
  await end;
  return copies;
}

async function expectAll(copies: readonly string[], record: PublicationRecord): Promise<void> {
  expect(copies.length).toBeGreaterThan(2);
  for (const copy of copies) {
    const { broker, errors } = await openBroker(copy);
    await record.expectKeptBy(broker.log);
    expect(errors).toEqual([]);
    await broker.close();
  }
}

async function createStore() {
  const folder = createFolder();
  const record = new PublicationRecord();
  const opened = await openBroker(folder, { maxJournalBytes: 20_000 });
  for (const n of countTo(20)) await record.publish(opened.broker.log, `news-${n % 3}`, publicationOf(n));
  await opened.checkpoint();
  for (const n of countTo(40, 21)) await record.publish(opened.broker.log, `news-${n % 3}`, publicationOf(n));
  return { ...opened, folder, record };
}

describe("crash of a store", () => {
  it("loses nothing at any moment of a checkpoint", async () => {
    const { folder, record, checkpoint } = await createStore();
    await expectAll(await copyWhile(folder, checkpoint(), 15), record);
  });

  it("loses nothing at any moment of closing", async () => {
    const { folder, record, broker } = await createStore();
    await expectAll(await copyWhile(folder, broker.close(), 15), record);
  });

  it("loses nothing at any moment of opening after a crash", async () => {
    const { folder, record } = await createStore();
    const crashed = crashCopyOf(folder);
    await expectAll(await copyWhile(crashed, openBroker(crashed), 15), record);
  });

  it("loses nothing that was acknowledged at any moment of publishing", async () => {
    const { folder, broker } = await createStore();
    const moments: { copy: string; acknowledged: readonly Payload[] }[] = [];
    const acknowledged: Payload[] = [];
    const publishAll = countTo(300, 100).map(async (n) => {
      await nextTurn();
      for (let turn = n % 7; turn > 0; turn--) await nextTurn();
      const publication = publicationOf(n);
      const retention = { maxEntries: 1000, maxBytes: 1e9, ttlMs: 1e9 };
      await broker.log.publish("sport", publication, { retention });
      acknowledged.push(publication.data);
      if (n % 25 === 0) moments.push({ copy: crashCopyOf(folder), acknowledged: [...acknowledged] });
    });
    await Promise.all(publishAll);
    for (const moment of moments) {
      const opened = await openBroker(moment.copy);
      const page = await opened.broker.log.history("sport", {
        maxEntries: 1000,
        maxBytes: 1e9,
        isReverse: false,
      });
      const found = page.publications.map(({ data }) => data);
      expect(found).toEqual(expect.arrayContaining([...moment.acknowledged]));
      expect(new Set(found).size).toBe(found.length);
      await opened.broker.close();
    }
  });
});
