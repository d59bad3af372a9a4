import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { backUpStore } from "../../../src/brokers/lmdb/back-up-store.js";
import { encodeSegment, encodeValue } from "../../../src/brokers/lmdb/format.js";
import { LogIndex } from "../../../src/brokers/lmdb/log-index.js";
import { restoreStore } from "../../../src/brokers/lmdb/restore-store.js";
import { verifyStore } from "../../../src/brokers/lmdb/verify-store.js";
import { FakeClock } from "../../support/fake-clock.js";
import { createStore, damages } from "./support/damages.js";
import { damageEnd } from "./support/faults.js";
import { endless, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

async function faultsOf(folder: string): Promise<string[]> {
  const { faults } = await verifyStore(folder, { clock: new FakeClock() });
  return faults.map(({ channel, text }) => (channel === undefined ? text : `${channel}: ${text}`));
}

async function change(folder: string, put: (index: LogIndex) => Promise<unknown>): Promise<void> {
  const index = await LogIndex.open(folder);
  await put(index);
  await index.flushed();
  await index.close();
}

describe("check of a sound store", () => {
  it.each(["close", "crash"] as const)(
    "finds nothing, and counts what there is, after a %s",
    async (ending) => {
      const { folder, record } = await createStore(ending);
      const result = await verifyStore(folder, { clock: new FakeClock() });
      expect(result).toMatchObject({ channels: 3, publications: 60, faults: [], faultCount: 0 });
      expect(result.frames).toBe(ending === "close" ? 0 : record.size);
    },
  );

  it("finds nothing at any moment of a store that is written, trimmed, swept and forgotten", async () => {
    const folder = createFolder();
    const { broker, advance } = await openBroker(folder, { maxJournalBytes: 5000, metaTtlMs: 20_000 });
    const retentions = [
      endless,
      { ...endless, maxEntries: 5 },
      { ...endless, ttlMs: 15_000 },
      { ...endless, maxEntries: 0 },
      { ...ample, maxEntries: 3, keys: { maxKeys: 5, maxBytes: 100_000, ttlMs: 8000 } },
    ];
    for (const round of countTo(12)) {
      for (const n of countTo(60)) {
        const retention = retentions[n % retentions.length] ?? endless;
        const key = retention.keys ? { key: `key ${n % 4}` } : {};
        const durability = n % 3 === 0 ? "memory" : "process";
        await broker.log.publish(
          `channel ${n % (round % 2 === 0 ? 5 : 10)}`,
          { ...publicationOf(n), ...key },
          { retention, durability },
        );
      }
      await advance(round % 4 === 0 ? 30_000 : 500, 5);
      expect(await faultsOf(folder)).toEqual([]);
      expect(await faultsOf(crashCopyOf(folder))).toEqual([]);
    }
  });
});

describe("check of a damaged store", () => {
  it("names publications that fail their checksum", async () => {
    const { folder } = await createStore("close");
    await damageEnd(folder, "sport", 1);
    expect(await faultsOf(folder)).toEqual(["sport: publications from 1 on fail their checksum"]);
  });

  it("names what is missing, double, beyond the end, or belongs to nothing", async () => {
    const { folder } = await createStore("close");
    const segment = (offset: number) => encodeSegment([{ offset, data: '"x"', time: 1 }], 0);
    await change(folder, async (index) => {
      await index.putSegment("news", segment(30), 30);
      await index.putSegment("nobody", segment(1), 1);
      const record = index.channel("weather");
      if (record === undefined) throw new Error("there is such a channel");
      await index.removeDue(record.due, "weather");
      const keys = { maxKeys: 1, maxBytes: 1 };
      await index.putChannel("weather", { ...record, retention: { ...endless, keys } });
      const publication = { offset: 99, data: '"x"', time: 1, key: "k" };
      await index.putValue("weather", "k", encodeValue({ publication, since: 1 }));
      await index.putValue("weather", "l", Buffer.from("damage"));
      const sport = index.channel("sport");
      if (sport) await index.putChannel("sport", { ...sport, head: sport.head + 3 });
    });
    expect(await faultsOf(folder)).toEqual([
      "news: publications 21 to 29 are missing",
      expect.stringMatching(/^news: at 30 it counts 0 bytes instead of \d+$/),
      "sport: publications 21 to 23 are missing",
      "weather: no sweep is due, so that it would never expire",
      "weather: the value of key k is at 99, beyond 20",
      "weather: the value of key l is damaged",
      "nobody: it has publications, but no record",
    ]);
  });

  it("names a publication that journal and index have differently", async () => {
    const { folder } = await createStore("crash");
    await change(folder, async (index) => {
      const first = index.firstSegment("news");
      if (first === undefined || "isDamaged" in first) throw new Error("there is one");
      const publications = countTo(20).map((offset) => ({ offset, data: '"other"', time: 1 }));
      await index.putSegment("news", encodeSegment(publications, 0), 1);
    });
    const differing = (await faultsOf(folder)).filter((text) =>
      /differs between journal and index/.test(text),
    );
    expect(differing.length).toBeGreaterThan(0);
    expect(differing.every((text) => text.startsWith("news: publication "))).toBe(true);
  });

  it.each(damages.filter(({ file, name }) => file !== "holdfast.json" && !/missing/.test(name)))(
    "names $name",
    async ({ damage, ending, file }) => {
      const { folder } = await createStore(ending);
      damage(folder);
      const [first = ""] = await faultsOf(folder);
      expect(first).toContain(file);
    },
  );

  it("says where there is no store", async () => {
    const check = (folder: string) => verifyStore(folder, { clock: new FakeClock() });
    await expect(check(createFolder())).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
    await expect(check("/there/is/none")).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
  });
});

describe("store written by version 0.1", () => {
  const fixture = new URL("fixtures/store-0.1/", import.meta.url);

  function unpack(): string {
    const folder = join(createFolder(), "store");
    mkdirSync(folder);
    for (const name of readdirSync(fixture))
      writeFileSync(
        join(folder, name.replace(/\.gz$/, "")),
        gunzipSync(readFileSync(new URL(name, fixture))),
      );
    rmSync(join(folder, "lock.mdb"), { force: true });
    return folder;
  }

  it("is sound, and can be backed up before an upgrade and restored after it", async () => {
    const folder = unpack();
    expect(await faultsOf(folder)).toEqual([]);
    const target = join(createFolder(), "backup");
    const clock = new FakeClock();
    await backUpStore({ folder, target, clock, hold: async () => undefined });
    // The upgrade: the server opens the store, and writes it as it does now.
    const upgraded = await openBroker(folder);
    await upgraded.broker.close();
    expect(await faultsOf(folder)).toEqual([]);
    const restored = join(createFolder(), "restored");
    await restoreStore({ backup: target, folder: restored });
    const { broker } = await openBroker(restored);
    const { publications } = await broker.log.history("news", query());
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(30));
  });
});
