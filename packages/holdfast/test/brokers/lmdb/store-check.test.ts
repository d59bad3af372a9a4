import { appendFileSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { readJournalEnds } from "../../../src/brokers/lmdb/journal.js";
import { probeIndex } from "../../../src/brokers/lmdb/store-check.js";
import { createStore } from "./support/damages.js";
import { endless, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

function stampsOf(folder: string) {
  const { size, mtimeMs } = statSync(join(folder, "data.mdb"));
  return { known: readJournalEnds(folder)?.index, found: { bytes: size, modifiedMs: Math.round(mtimeMs) } };
}

describe("stamp of the index", () => {
  it("matches the file after a checkpoint and after a clean close", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    for (const n of [1, 2, 3]) {
      await broker.log.publish("news", publicationOf(n), { retention: endless });
      await checkpoint();
      const { known, found } = stampsOf(crashCopyOf(folder));
      expect(known).toEqual(found);
    }
    await broker.close();
    const { known, found } = stampsOf(folder);
    expect(known).toEqual(found);
  });

  it("differs after any change, at any moment", async () => {
    const { folder } = await createStore("close");
    const path = join(folder, "data.mdb");
    const { known } = stampsOf(folder);
    writeFileSync(path, readFileSync(path));
    expect(stampsOf(folder).found).not.toEqual(known);
  });
});

describe("index touched by another program", () => {
  it.each(["close", "crash"] as const)(
    "is opened where nothing is wrong with it, after a %s",
    async (ending) => {
      const { folder, record } = await createStore(ending);
      utimesSync(join(folder, "data.mdb"), 1, 1);
      const { broker, errors } = await openBroker(folder);
      await record.expectKeptBy(broker.log);
      expect(errors).toEqual([]);
    },
  );
});

describe("probe of an index", () => {
  it.each([false, true])("changes nothing (read-only: %s)", async (isReadOnly) => {
    const { folder } = await createStore("close");
    const path = join(folder, "data.mdb");
    const before = readFileSync(path);
    await probeIndex({ folder, path, isReadOnly });
    expect(readFileSync(path).equals(before)).toBe(true);
  });

  it("reports how many bytes the file was truncated by", async () => {
    const { folder } = await createStore("close");
    const path = join(folder, "data.mdb");
    writeFileSync(path, readFileSync(path).subarray(0, 8192));
    appendFileSync(path, Buffer.alloc(4096));
    await expect(probeIndex({ folder, path, isReadOnly: false })).rejects.toThrow(
      /it has 12288 bytes of \d+/,
    );
  });
});
