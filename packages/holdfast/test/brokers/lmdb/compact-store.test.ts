import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, vi } from "vitest";
import { countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import { compactStore } from "../../../src/brokers/lmdb/compact-store.js";
import { LogIndex } from "../../../src/brokers/lmdb/log-index.js";
import { verifyStore } from "../../../src/brokers/lmdb/verify-store.js";
import { FakeClock } from "../../support/fake-clock.js";
import { createStore } from "./support/damages.js";
import { endless } from "./support/record.js";
import { createEpoch, createFolder, openBroker } from "./support/store.js";

const options = (folder: string) => ({
  folder,
  clock: new FakeClock(),
  createEpoch,
  schedule: setImmediate,
  onError: (error: unknown) => {
    throw error;
  },
});

const sizeOf = (folder: string) => statSync(join(folder, "data.mdb")).size;

describe("compaction", () => {
  it("gives back what removed publications had, and keeps everything else", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const data = JSON.stringify("x".repeat(50_000));
    for (const n of countTo(300))
      await broker.log.publish(n % 100 === 0 ? "kept" : "gone", { data }, { retention: endless });
    const { position } = await broker.log.history("kept", query());
    await broker.log.removeHistory("gone");
    await broker.close();
    const size = sizeOf(folder);
    const { before, after } = await compactStore(options(folder));
    expect(before).toBe(size);
    expect(after).toBe(sizeOf(folder));
    expect(after).toBeLessThan(before / 4);
    expect((await verifyStore(folder, { clock: new FakeClock() })).faults).toEqual([]);
    const again = await openBroker(folder);
    const page = await again.broker.log.history("kept", query());
    expect(page.publications.map(({ offset }) => offset)).toEqual(countTo(3));
    expect(page.position).toEqual(position);
  });

  it("brings the journal of a crash to the index first", async () => {
    const { folder, record } = await createStore("crash");
    await compactStore(options(folder));
    expect(readdirSync(folder).filter((name) => /^journal-\d/.test(name))).toEqual([]);
    const { broker } = await openBroker(folder);
    await record.expectKeptBy(broker.log);
  });

  it("is refused while a server uses the store", async () => {
    const folder = createFolder();
    await openBroker(folder);
    await expect(compactStore(options(folder))).rejects.toMatchObject({ code: "HF_STORE_IN_USE" });
  });

  it("leaves the store as it was where there is no room", async () => {
    const { folder, record } = await createStore("close");
    const before = sizeOf(folder);
    const full = vi
      .spyOn(LogIndex.prototype, "copyTo")
      .mockRejectedValue(new Error("No space left on device"));
    await expect(compactStore(options(folder))).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringContaining("no room"),
    });
    full.mockRestore();
    expect(sizeOf(folder)).toBe(before);
    expect(readdirSync(folder)).not.toContain("compact.tmp");
    const { broker } = await openBroker(folder);
    await record.expectKeptBy(broker.log);
  });
});
