import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import type { Publication } from "../../../src/wire/messages.js";
import { readAll } from "./support/record.js";
import { createFolder, openBroker } from "./support/store.js";

const count = 400;
const dataOf = (n: number) => JSON.stringify(`publication-${n}-${"x".repeat(200)}`);

async function createStore() {
  const folder = createFolder();
  const { broker, checkpoint } = await openBroker(folder);
  for (const batch of countTo(count / 20)) {
    const numbers = countTo(batch * 20, batch * 20 - 19);
    await Promise.all(
      numbers.map((n) => broker.log.publish("news", { data: dataOf(n) }, { retention: ample })),
    );
    await broker.log.publish("sport", { data: dataOf(batch) }, { retention: ample });
    await checkpoint();
  }
  await broker.close();
  return folder;
}

/** Changes bytes of the index where a text stands, wherever it stands. */
function damage(folder: string, text: string, change: (bytes: Buffer, at: number) => void): void {
  const path = join(folder, "data.mdb");
  const bytes = readFileSync(path);
  let found = 0;
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + 1)) {
    change(bytes, at);
    found++;
  }
  expect(found).toBeGreaterThan(0);
  writeFileSync(path, bytes);
}

function expectRight(publications: readonly Publication[], isReverse = false): void {
  const offsets = publications.map(({ offset }) => offset);
  expect(offsets).toEqual([...offsets].sort((a, b) => (isReverse ? b - a : a - b)));
  expect(new Set(offsets).size).toBe(offsets.length);
  for (const { offset, data } of publications) expect(data).toBe(dataOf(offset));
}

const flip = (bytes: Buffer, at: number) => {
  bytes[at + 14] = (bytes[at + 14] ?? 0) ^ 1;
};
const wipe = (bytes: Buffer, at: number) => void bytes.fill(0, at, at + 150);

describe.each([1, 5, 200, 399, 400])("index corrupted in publication %i", (damaged) => {
  it("returns no wrong data in any page and keeps appending in order", async () => {
    const folder = await createStore();
    damage(folder, `publication-${damaged}-`, flip);
    const { broker } = await openBroker(folder);
    const { offset: head } = await broker.log.subscribe("news");
    for (const isReverse of [false, true])
      for (const sinceOffset of [undefined, 0, damaged - 1, damaged, damaged + 1, 200]) {
        const part = sinceOffset === undefined ? { isReverse } : { isReverse, sinceOffset };
        const page = await broker.log.history("news", query(part));
        expectRight(page.publications, isReverse);
        expect(page.publications.map(({ offset }) => offset)).not.toContain(damaged);
        expect(page.position.offset).toBe(head);
      }
    const next = await broker.log.publish("news", { data: dataOf(head + 1) }, { retention: ample });
    expect(next.position.offset).toBe(head + 1);
    expect(await offsetsIn(broker.log, "news", { sinceOffset: head })).toEqual([head + 1]);
  });

  it("leaves other logs untouched", async () => {
    const folder = await createStore();
    const before = await openBroker(folder);
    const whole = await readAll(before.broker.log, "sport");
    await before.broker.close();
    damage(folder, `publication-${damaged}-x`, wipe);
    const { broker } = await openBroker(folder);
    await broker.log.history("news", query());
    const { publications, position } = await readAll(broker.log, "sport");
    if (damaged > count / 20) expect({ publications, position }).toEqual(whole);
    else expectRight(publications);
  });

  it("never assigns one offset to two publications of an epoch", async () => {
    const folder = await createStore();
    const before = await openBroker(folder);
    const { epoch } = await before.broker.log.subscribe("news");
    await before.broker.close();
    damage(folder, `publication-${damaged}-`, flip);
    const { broker } = await openBroker(folder);
    const next = await broker.log.publish("news", { data: '"other"' }, { retention: ample });
    if (next.position.epoch === epoch) expect(next.position.offset).toBe(count + 1);
  });

  it("keeps working across checkpoints, retention and a restart", async () => {
    const folder = await createStore();
    damage(folder, `publication-${damaged}-`, wipe);
    const first = await openBroker(folder);
    const { offset: head } = await first.broker.log.subscribe("news");
    const retention = { ...ample, maxEntries: 100 };
    for (const n of countTo(head + 150, head + 1))
      await first.broker.log.publish("news", { data: dataOf(n) }, { retention });
    await first.checkpoint();
    const page = await first.broker.log.history("news", query());
    expectRight(page.publications);
    expect(page.publications.map(({ offset }) => offset)).toEqual(countTo(head + 150, head + 51));
    await first.broker.close();
    const { broker } = await openBroker(folder);
    expect(await broker.log.history("news", query())).toEqual(page);
  });
});

describe("index corrupted in the middle of a log", () => {
  it("returns no forward page that skips the corrupted part", async () => {
    const folder = await createStore();
    damage(folder, "publication-200-", flip);
    const { broker } = await openBroker(folder);
    for (const sinceOffset of countTo(count - 1, 0)) {
      const offsets = await offsetsIn(broker.log, "news", { sinceOffset });
      expect(offsets).toEqual(countTo(offsets.at(-1) ?? 0, offsets[0]));
      if (sinceOffset >= 220) expect(offsets).toEqual(countTo(count, sinceOffset + 1));
    }
  });

  it("reports the corruption once it is found", async () => {
    const folder = await createStore();
    damage(folder, "publication-200-", flip);
    const { broker, errors } = await openBroker(folder);
    await readAll(broker.log, "news");
    expect(errors.map(({ code }) => code)).toContain("HF_STORE_CORRUPT");
  });
});
