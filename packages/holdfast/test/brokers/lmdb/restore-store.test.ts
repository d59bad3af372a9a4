import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { backUpStore } from "../../../src/brokers/lmdb/back-up-store.js";
import { restoreStore } from "../../../src/brokers/lmdb/restore-store.js";
import { verifyStore } from "../../../src/brokers/lmdb/verify-store.js";
import { FakeClock } from "../../support/fake-clock.js";
import { createStore } from "./support/damages.js";
import { endless, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const inFolder = (name: string) => join(createFolder(), name);
const hold = () => Promise.resolve(undefined);

async function backUp(folder: string, clock = new FakeClock()): Promise<string> {
  const target = inFolder("backup");
  await backUpStore({ folder, target, clock, hold });
  return target;
}

const allKeys = { maxEntries: 100, maxBytes: 1_000_000 };

async function valuesOf({ broker }: OpenBroker): Promise<Record<string, string>> {
  const { publications } = await broker.log.keys("map", allKeys);
  return Object.fromEntries(publications.map(({ key = "", data }) => [key, String(data)]));
}

describe("restored store", () => {
  it("continues every log in a new epoch, from where it ended", async () => {
    const { folder } = await createStore("crash");
    const backup = await backUp(folder);
    const before = await openBroker(folder);
    const known = await before.broker.log.history("news", query());
    const restored = inFolder("restored");
    await restoreStore({ backup, folder: restored });
    const { broker } = await openBroker(restored);
    const after = await broker.log.history("news", query());
    expect(after.publications).toEqual(known.publications);
    expect(after.position.epoch).not.toBe(known.position.epoch);
    const next = await broker.log.publish("news", { data: "1" }, { retention: ample });
    expect(next.position).toEqual({ ...after.position, offset: after.position.offset + 1 });
  });

  it("is made of a backup without changing it, as often as needed", async () => {
    const backup = await backUp((await createStore("close")).folder);
    const contents = () =>
      readdirSync(backup).map((name) => [name, readFileSync(join(backup, name), "latin1")]);
    const before = contents();
    for (const name of ["a", "b"]) await restoreStore({ backup, folder: inFolder(name) });
    expect(contents()).toEqual(before);
  });

  it("is not put over another", async () => {
    const { folder } = await createStore("close");
    const backup = await backUp(folder);
    await expect(restoreStore({ backup, folder })).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringContaining("is not empty"),
    });
  });
});

describe("backup that cannot be restored", () => {
  const refusals: readonly [what: string, damage: (backup: string) => void, message: RegExp][] = [
    ["was not completed", (backup) => rmSync(join(backup, "backup.json")), /there is no backup\.json in it/],
    ["lacks a file", (backup) => rmSync(join(backup, "data.mdb")), /lacks the file data\.mdb/],
    [
      "was cut",
      (backup) => writeFileSync(join(backup, "reserve.log"), ""),
      /reserve\.log has 0 bytes of 1048576/,
    ],
    [
      "was changed",
      (backup) => {
        const bytes = readFileSync(join(backup, "data.mdb"));
        bytes[5000] = (bytes[5000] ?? 0) ^ 1;
        writeFileSync(join(backup, "data.mdb"), bytes);
      },
      /data\.mdb fails its checksum/,
    ],
    [
      "is described by something else",
      (backup) => writeFileSync(join(backup, "backup.json"), "{"),
      /is not JSON/,
    ],
    [
      "names files elsewhere",
      (backup) => {
        const path = join(backup, "backup.json");
        const known = JSON.parse(readFileSync(path, "utf8"));
        writeFileSync(path, JSON.stringify({ ...known, files: [{ name: "../x", bytes: 1, sha256: "" }] }));
      },
      /names a file \.\.\/x/,
    ],
  ];

  it.each(refusals)("one that %s", async (_, damage, message) => {
    const backup = await backUp((await createStore("crash")).folder);
    damage(backup);
    const folder = inFolder("restored");
    const restoring = restoreStore({ backup, folder });
    await expect(restoring).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringMatching(message),
    });
    expect(readdirSync(join(folder, ".."))).toEqual([]);
  });

  it("one of a later format", async () => {
    const backup = await backUp((await createStore("crash")).folder);
    const path = join(backup, "backup.json");
    const known = JSON.parse(readFileSync(path, "utf8"));
    writeFileSync(path, JSON.stringify({ ...known, marker: { ...known.marker, format: 2 } }));
    await expect(restoreStore({ backup, folder: inFolder("restored") })).rejects.toMatchObject({
      code: "HF_STORE_NEWER",
    });
  });
});

describe("store restored as of an earlier time", () => {
  /** One publication a second, the later ones only in the journal. */
  async function createTimed() {
    const clock = new FakeClock();
    const folder = createFolder();
    const opened = await openBroker(folder, { clock });
    const { broker, checkpoint, advance } = opened;
    const start = clock.now();
    const mapRetention = { ...ample, maxEntries: 4, keys: { maxKeys: 10, maxBytes: 100_000 } };
    const set = (key: string, data: string) =>
      broker.log.publish("map", { key, data }, { retention: mapRetention });
    for (const n of countTo(20)) {
      await advance(1000, 1);
      await broker.log.publish("news", publicationOf(n), {
        retention: endless,
        idempotencyKey: `publish ${n}`,
      });
      if (n === 1) await set("gone from the log", "1");
      if (n === 2) await set("removed", "2");
      if (n === 3) await set("kept", "3");
      if (n === 6) await set("changed", "6");
      if (n === 8) await set("changed", "8");
      if (n === 14) await set("changed", "14");
      if (n === 15) await set("gone from the log", "15");
      if (n === 16) await set("new", "16");
      if (n === 12) await broker.log.publish("later", { data: "12" }, { retention: endless, owner: "" });
      if (n === 13) await broker.log.publish("owned", { data: "13" }, { retention: endless, owner: "ann" });
      if (n === 17) await checkpoint();
      if (n === 18) await broker.log.publish("latest", { data: "18" }, { retention: endless });
    }
    await broker.idle();
    const copy = crashCopyOf(folder);
    clock.advance(1000);
    return { backup: await backUp(copy, clock), start, clock };
  }

  async function restoreAt(seconds: number) {
    const { backup, start, clock } = await createTimed();
    const folder = inFolder("restored");
    const result = await restoreStore({ backup, folder, until: start + 1000 * seconds + 500 });
    expect((await verifyStore(folder, { clock })).faults).toEqual([]);
    return { result, opened: await openBroker(folder, { clock }) };
  }

  it.each([1, 10, 17, 18, 20])("has the publications up to %i s, and no later one", async (seconds) => {
    const { opened, result } = await restoreAt(seconds);
    const { log } = opened.broker;
    const { publications, position } = await log.history("news", query({ maxEntries: 100 }));
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(seconds));
    expect(position.offset).toBe(seconds);
    expect((await log.history("later", query())).position.offset).toBe(seconds >= 12 ? 1 : 0);
    expect((await log.history("latest", query())).position.offset).toBe(seconds >= 18 ? 1 : 0);
    const changes = [1, 2, 3, 6, 8, 14, 15, 16].filter((n) => n > seconds && n > 8 - 4).length;
    expect(result.dropped).toBeGreaterThanOrEqual(20 - seconds + changes - 4);
    const next = await log.publish("news", { data: '"next"' }, { retention: endless });
    expect(next.position.offset).toBe(seconds + 1);
  });

  it("has the values of keys at the time, as far as the log goes back", async () => {
    const { opened, result } = await restoreAt(10);
    // The four newest entries of the log are 8, 14, 15 and 16.
    expect(await valuesOf(opened)).toEqual({ removed: "2", kept: "3", changed: "8" });
    // One was new, and one is gone; nobody can tell which is which any more.
    expect(result.lostKeys).toBe(2);
  });

  it("repeats a publish that was left out, but none that is there", async () => {
    const { opened } = await restoreAt(10);
    const publish = (n: number) =>
      opened.broker.log.publish("news", publicationOf(n), {
        retention: endless,
        idempotencyKey: `publish ${n}`,
      });
    expect(await publish(10)).toMatchObject({ isDuplicate: true, position: { offset: 10 } });
    expect(await publish(11)).toMatchObject({ isDuplicate: false, position: { offset: 11 } });
  });

  it("is refused for a time after the backup", async () => {
    const { backup, clock } = await createTimed();
    const until = clock.now() + 1;
    await expect(restoreStore({ backup, folder: inFolder("restored"), until })).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
    });
  });

  it("keeps what the server itself has recorded since, such as revocations", async () => {
    const clock = new FakeClock();
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder, { clock });
    const time = clock.now();
    clock.advance(1000);
    for (const channel of ["news", "\u0001revocations"])
      for (const n of countTo(2)) {
        await broker.log.publish(channel, { data: String(n) }, { retention: endless });
        if (n === 1) await checkpoint();
      }
    const backup = await backUp(crashCopyOf(folder), clock);
    const restored = inFolder("restored");
    await restoreStore({ backup, folder: restored, until: time });
    const { broker: other } = await openBroker(restored, { clock });
    expect((await other.log.history("news", query())).position.offset).toBe(0);
    expect((await other.log.history("\u0001revocations", query())).position.offset).toBe(2);
  });
});
