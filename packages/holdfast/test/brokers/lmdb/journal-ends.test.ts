/** Journals that are lost, cut short, or replaced by older ones: never the same epoch with other publications. */
import { copyFileSync, existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import { powerCutCopyOf } from "./support/faults.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { RemoteBroker } from "./support/remote-broker.js";
import { crashCopyOf, createFolder, journalFilesOf, type OpenBroker, openBroker } from "./support/store.js";

const corrupt = { code: "HF_STORE_CORRUPT", message: expect.stringContaining("--repair-data") };
const endsIn = (folder: string) => join(folder, "journal-ends");
const lastOf = (folder: string) => journalFilesOf(folder).at(-1) ?? "";

/** A store after a crash: 10 publications in the index, 10 in the journal alone. */
async function createKilled(): Promise<{ folder: string; older: string; first: OpenBroker }> {
  const folder = createFolder();
  const first = await openBroker(folder);
  const publish = async (from: number) => {
    for (const n of countTo(from + 9, from))
      await first.broker.log.publish("news", publicationOf(n), { retention: ample });
  };
  await publish(1);
  await first.checkpoint();
  const older = crashCopyOf(folder);
  await publish(11);
  return { folder: crashCopyOf(folder), older, first };
}

/** Where each frame of a file ends. */
function frameEndsOf(path: string): number[] {
  const bytes = readFileSync(path);
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; ends.push(at)) at += 4 + bytes.readUInt32LE(at);
  return ends;
}

const losses: readonly (readonly [string, (folder: string, older: string) => void])[] = [
  ["is gone", (folder) => rmSync(lastOf(folder))],
  ["is empty", (folder) => truncateSync(lastOf(folder), 0)],
  ["is cut by one publication", (folder) => truncateSync(lastOf(folder), frameEndsOf(lastOf(folder)).at(-2))],
  [
    "is cut within a publication",
    (folder) => truncateSync(lastOf(folder), readFileSync(lastOf(folder)).length - 5),
  ],
  ["is an older copy", (folder, older) => copyFileSync(lastOf(older), lastOf(folder))],
  [
    "is gone with the file that says how far it goes",
    (folder) => {
      rmSync(lastOf(folder));
      rmSync(endsIn(folder));
    },
  ],
  ["is whole, and the file is gone that says how far it goes", (folder) => rmSync(endsIn(folder))],
  [
    "is whole, and the file is damaged that says how far it goes",
    (folder) => writeFileSync(endsIn(folder), Buffer.alloc(8192)),
  ],
];

describe.each(losses)("store after a crash whose journal %s", (_name, lose) => {
  it("does not open and is left unchanged", async () => {
    const { folder, older } = await createKilled();
    lose(folder, older);
    for (const _ of countTo(2)) await expect(openBroker(folder)).rejects.toMatchObject(corrupt);
  });

  it("opens with repair, in a new epoch", async () => {
    const { folder, older, first } = await createKilled();
    const { epoch } = await first.broker.log.subscribe("news");
    lose(folder, older);
    const { broker, errors } = await openBroker(folder, { repair: true });
    expect(errors).toContainEqual(expect.objectContaining({ code: "HF_STORE_CORRUPT" }));
    const position = await broker.log.subscribe("news");
    expect(position.epoch).not.toBe(epoch);
    expect(await offsetsIn(broker.log, "news")).toEqual(countTo(position.offset));
    await broker.log.publish("news", { data: "1" }, { retention: ample });
    await broker.close();
    await expect(openBroker(folder)).resolves.toBeDefined();
  });
});

describe("store of several journal files", () => {
  it("does not open when any file is missing or truncated", async () => {
    let folder = createFolder();
    for (const run of countTo(3)) {
      // Nothing is brought to the index, since no time passes.
      const { broker } = await openBroker(folder, { maxJournalBytes: 500 });
      for (const n of countTo(5))
        await broker.log.publish(`news-${run}`, publicationOf(n), { retention: ample });
      folder = crashCopyOf(folder);
    }
    const files = journalFilesOf(folder).filter((path) => readFileSync(path).length > 0);
    expect(files.length).toBeGreaterThan(0);
    for (const path of files) {
      const lost = crashCopyOf(folder);
      rmSync(join(lost, basename(path)));
      await expect(openBroker(lost)).rejects.toMatchObject(corrupt);
      const cut = crashCopyOf(folder);
      truncateSync(join(cut, basename(path)), frameEndsOf(path).at(-2) ?? 0);
      await expect(openBroker(cut)).rejects.toMatchObject(corrupt);
    }
    await expect(openBroker(folder)).resolves.toBeDefined();
  });

  it("does not open when an unindexed file is missing after rotation", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder, { maxJournalBytes: 2000 });
    for (const n of countTo(40)) {
      await broker.log.publish("news", publicationOf(n), { retention: ample });
      if (n % 10 === 0) await checkpoint();
    }
    await broker.log.publish("news", publicationOf(41), { retention: ample });
    const copy = crashCopyOf(folder);
    expect(journalFilesOf(copy)).toHaveLength(1);
    expect(basename(lastOf(copy))).not.toBe("journal-1.log");
    rmSync(lastOf(copy));
    await expect(openBroker(copy)).rejects.toMatchObject(corrupt);
  });
});

describe("store that lost only what was not promised", () => {
  it("opens after a power cut that left exactly what was flushed", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    for (const n of countTo(5))
      await broker.log.publish("news", publicationOf(n), { retention: ample, durability: "disk" });
    // The first one that promises less is flushed, too.
    await broker.log.publish("news", publicationOf(6), { retention: ample });
    const flushed = broker.sizes.journalBytes;
    for (const n of countTo(9, 7)) await broker.log.publish("news", publicationOf(n), { retention: ample });
    const copy = powerCutCopyOf(folder, () => flushed);
    const next = await openBroker(copy);
    expect(next.errors).toEqual([]);
    expect(await offsetsIn(next.broker.log, "news")).toEqual(countTo(6));
  });

  it("does not open after a power cut that left less than was flushed", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    for (const n of countTo(5))
      await broker.log.publish("news", publicationOf(n), { retention: ample, durability: "disk" });
    const copy = powerCutCopyOf(folder, (_name, bytes) => bytes - 1);
    await expect(openBroker(copy)).rejects.toMatchObject(corrupt);
  });

  it("opens without the journal-end file after a clean close", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    await record.publish(broker.log, "news", publicationOf(1));
    await broker.close();
    rmSync(endsIn(folder));
    const next = await openBroker(folder);
    await record.expectKeptBy(next.broker.log);
    expect(existsSync(endsIn(folder))).toBe(true);
  });

  it("opens a journal of an earlier version, which has no such file", async () => {
    const { folder } = await createKilled();
    const marker = join(folder, "holdfast.json");
    const { hasJournalEnds: _, ...known } = JSON.parse(readFileSync(marker, "utf8")) as Record<
      string,
      unknown
    >;
    writeFileSync(marker, JSON.stringify(known));
    rmSync(endsIn(folder));
    const { broker, errors } = await openBroker(folder);
    expect(errors).toEqual([]);
    expect(await offsetsIn(broker.log, "news")).toEqual(countTo(20));
  });

  it("opens after a kill -9 at any moment", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    for (const round of countTo(5)) {
      const remote = await RemoteBroker.open({ folder, checkpointDelayMs: 2, maxJournalBytes: 3000 });
      const all = countTo(200).map((n) =>
        record
          .publish(remote, `news-${n % 5}`, publicationOf(round * 1000 + n), {
            durability: n % 7 === 0 ? "disk" : "process",
          })
          .catch(() => {}),
      );
      await all[20 * round];
      await remote.kill();
    }
    const { broker, errors } = await openBroker(folder);
    expect(errors).toEqual([]);
    await record.expectKeptBy(broker.log);
  });
});

describe("store after the end of the machine whose journal was never flushed", () => {
  it("opens in a new epoch when even the file's name is gone", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    const { position } = await first.broker.log.publish("news", publicationOf(1), { retention: ample });
    const copy = powerCutCopyOf(folder, () => 0);
    rmSync(lastOf(copy));
    const { broker, errors } = await openBroker(copy);
    expect((await broker.log.subscribe("news")).epoch).not.toBe(position.epoch);
    expect(errors).toEqual([]);
  });
});
