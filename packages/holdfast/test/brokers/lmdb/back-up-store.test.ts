import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { type BackUpOptions, backUpStore } from "../../../src/brokers/lmdb/back-up-store.js";
import { restoreStore } from "../../../src/brokers/lmdb/restore-store.js";
import { verifyStore } from "../../../src/brokers/lmdb/verify-store.js";
import { FakeClock } from "../../support/fake-clock.js";
import { createStore, damages } from "./support/damages.js";
import { endless, publicationOf, readAll } from "./support/record.js";
import { createFolder, journalFilesOf, type OpenBroker, openBroker } from "./support/store.js";

const inFolder = (name: string) => join(createFolder(), name);

function backUp(folder: string, options: Partial<BackUpOptions> = {}) {
  const target = inFolder("backup");
  const hold = () => Promise.resolve(undefined);
  return backUpStore({ folder, target, clock: new FakeClock(), hold, ...options }).then((backup) => ({
    target,
    backup,
  }));
}

/** As the process that has the store lets another one copy it. */
const holdOf =
  ({ broker }: OpenBroker): BackUpOptions["hold"] =>
  async () => {
    const hold = await broker.log.holdJournal();
    return {
      end: async () => {
        const end = hold.end();
        if (end === undefined) throw new Error("the hold has ended");
        return end;
      },
      release: hold.release,
    };
  };

async function restored(backup: string) {
  const folder = inFolder("restored");
  await restoreStore({ backup, folder });
  const { faults } = await verifyStore(folder, { clock: new FakeClock() });
  expect(faults).toEqual([]);
  return await openBroker(folder);
}

describe("backup of a store that is in use", () => {
  it("holds everything that was acknowledged before its end, and nothing with a hole", async () => {
    const folder = createFolder();
    const opened = await openBroker(folder, { maxJournalBytes: 4096 });
    const { broker, clock } = opened;
    const acknowledged = new Map<string, number>();
    let isEnded = false;
    let before = new Map<string, number>();
    // Less than what would end the hold, however slow the copy is.
    let left = Number.POSITIVE_INFINITY;
    const publishOn = async () => {
      for (let n = 1; !isEnded && left > 0; n++, left--) {
        const channel = `channel:${n % 7}`;
        const { position } = await broker.log.publish(channel, publicationOf(n), { retention: endless });
        acknowledged.set(channel, position.offset);
        clock.advance(20);
      }
    };
    const publishing = publishOn();
    while (acknowledged.size < 7) await broker.idle();
    const hold = holdOf(opened);
    const { target } = await backUp(folder, {
      hold: async () => {
        const held = await hold();
        left = 100;
        const end = () => {
          before = new Map(acknowledged);
          return held?.end();
        };
        return held && { ...held, end: end as typeof held.end };
      },
    });
    isEnded = true;
    await publishing;
    const { broker: other } = await restored(target);
    for (const [channel, least] of before) {
      const { publications } = await readAll(other.log, channel);
      const whole = (await readAll(broker.log, channel)).publications;
      expect(publications.length).toBeGreaterThanOrEqual(least);
      expect(publications).toEqual(whole.slice(0, publications.length));
    }
    expect(opened.errors).toEqual([]);
  });

  it("keeps journal files until the copy is complete, and not longer", async () => {
    const folder = createFolder();
    const opened = await openBroker(folder, { maxJournalBytes: 1 });
    const publish = async (n: number) => {
      await opened.broker.log.publish("news", publicationOf(n), { retention: endless });
      await opened.checkpoint();
    };
    for (const n of countTo(3)) await publish(n);
    const kept = journalFilesOf(folder).length;
    const { release } = await opened.broker.log.holdJournal();
    for (const n of countTo(6, 4)) await publish(n);
    expect(journalFilesOf(folder).length).toBeGreaterThanOrEqual(kept + 3);
    release();
    await opened.checkpoint();
    expect(journalFilesOf(folder).length).toBe(1);
  });

  it("is refused where the journal grew too much meanwhile", async () => {
    const opened = await openBroker(createFolder(), { maxJournalBytes: 1 });
    const { end } = await opened.broker.log.holdJournal();
    for (const n of countTo(40)) {
      await opened.broker.log.publish("news", publicationOf(n), { retention: endless });
      await opened.checkpoint();
    }
    expect(end()).toBeUndefined();
  });
});

describe("backup of a store that is not in use", () => {
  it.each(["close", "crash"] as const)("holds all of it, after a %s", async (ending) => {
    const { folder, record } = await createStore(ending);
    const before = readdirSync(folder).filter((name) => name !== "lock.mdb");
    const { target, backup } = await backUp(folder);
    expect(readdirSync(folder).filter((name) => name !== "lock.mdb")).toEqual(before);
    expect(backup).toMatchObject({ from: folder, channels: 3, marker: { format: 1 } });
    const { broker } = await restored(target);
    for (const channel of record.channels) {
      const { publications, position } = await readAll(broker.log, channel);
      expect(publications.length).toBe(record.size / 3);
      expect(position.offset).toBe(record.size / 3);
    }
  });

  it("is private, and says of each file how long it is", async () => {
    const { target, backup } = await backUp((await createStore("crash")).folder);
    for (const { name, bytes } of backup.files) expect(statSync(join(target, name)).size).toBe(bytes);
    const modes = [target, ...readdirSync(target).map((name) => join(target, name))].map(
      (path) => statSync(path).mode & 0o077,
    );
    if (process.platform !== "win32") expect(modes.every((mode) => mode === 0)).toBe(true);
  });

  it("is refused where a server starts meanwhile", async () => {
    const { folder } = await createStore("crash");
    const hold = async () => {
      setImmediate(() => void openBroker(folder));
      return undefined;
    };
    const target = inFolder("backup");
    await expect(backUp(folder, { target, hold })).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringContaining("a server has started"),
    });
    expect(readdirSync(join(target, ".."))).toEqual([]);
  });

  it("is refused into a folder that has something in it, and leaves that alone", async () => {
    const { folder } = await createStore("close");
    const target = createFolder();
    writeFileSync(join(target, "mine"), "text");
    await expect(backUp(folder, { target })).rejects.toMatchObject({ code: "HF_STORE_BACKUP" });
    expect(readFileSync(join(target, "mine"), "utf8")).toBe("text");
  });

  it("goes into an empty folder, and leaves it empty when it fails", async () => {
    const { folder } = await createStore("close");
    const target = inFolder("mount");
    mkdirSync(target);
    const hold = () => Promise.reject(new Error("ENOSPC: no space left on device"));
    await expect(backUp(folder, { target, hold })).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringContaining("no room"),
    });
    expect(readdirSync(target)).toEqual([]);
    await backUp(folder, { target });
    expect(readdirSync(target)).toContain("backup.json");
  });

  it("is refused of a folder without a store", async () => {
    await expect(backUp(createFolder())).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
  });

  it.each(damages.filter(({ name }) => /a bit changed/.test(name)))(
    "is refused of a store with $name",
    async ({ damage, ending }) => {
      const { folder } = await createStore(ending);
      damage(folder);
      await expect(backUp(folder)).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
    },
  );
});

it("names what a later version must not be asked to read", async () => {
  const { folder } = await createStore("close");
  const path = join(folder, "holdfast.json");
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), format: 2 }));
  await expect(backUp(folder)).rejects.toMatchObject({ code: "HF_STORE_NEWER" });
});
