import { symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { LogIndex } from "../../../src/brokers/lmdb/log-index.js";
import { fillDisk, holdTransaction, powerCutCopyOf, recordFlushedFiles } from "./support/faults.js";
import { PublicationRecord, publicationOf, readAll } from "./support/record.js";
import { crashCopyOf, createFolder, journalFilesOf, openBroker } from "./support/store.js";

afterEach(() => void vi.restoreAllMocks());

describe("start after crashes", () => {
  it("interrupted by a machine failure leaves a store that opens with the journals of all runs", async () => {
    let folder = createFolder();
    const record = new PublicationRecord();
    const free = fillDisk();
    for (const run of countTo(3)) {
      const { broker } = await openBroker(folder);
      for (const n of countTo(10)) await record.publish(broker.log, "news", publicationOf(run * 10 + n));
      folder = crashCopyOf(folder);
    }
    free();
    expect(journalFilesOf(folder)).toHaveLength(3);
    const flushed = recordFlushedFiles();
    const transaction = holdTransaction(1);
    const opening = openBroker(folder);
    await transaction.reached;
    const copy = powerCutCopyOf(folder, (name, bytes) =>
      flushed.has(name) ? bytes : Math.max(0, bytes - 10),
    );
    transaction.release();
    await opening;
    const { broker, errors } = await openBroker(copy);
    const { publications } = await readAll(broker.log, "news");
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(30));
    expect(errors).toEqual([]);
  });
});

describe("failed first start", () => {
  it.each(["No native build was found", "not enough memory"])(
    "any number of times is no obstacle to one that does not: %s",
    async (message) => {
      const folder = createFolder();
      const open = vi.spyOn(LogIndex, "open").mockRejectedValue(new Error(message));
      for (const _ of countTo(3)) await expect(openBroker(folder)).rejects.toThrow(message);
      open.mockRestore();
      const { broker, errors } = await openBroker(folder);
      const record = new PublicationRecord();
      await record.publish(broker.log, "news", publicationOf(1));
      await record.expectKeptBy(broker.log);
      expect(errors).toEqual([]);
    },
  );
});

describe("start on a full disk", () => {
  it("with a large journal accepts publications by itself once there is room", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const first = await openBroker(folder);
    for (const n of countTo(60)) await record.publish(first.broker.log, "news", publicationOf(n));
    const free = fillDisk();
    const copy = crashCopyOf(folder);
    const { broker, advance, errors } = await openBroker(copy, { maxPendingBytes: 100_000 });
    const publish = () => broker.log.publish("sport", { data: "1" }, { retention: ample });
    await expect(publish()).rejects.toMatchObject({ code: "HF_BROKER_FULL" });
    await record.expectKeptBy(broker.log);
    free();
    await advance(10_000);
    await expect(publish()).resolves.toMatchObject({ isDuplicate: false });
    expect(errors.map(({ code }) => code)).toContain("HF_BROKER_FULL");
    expect(journalFilesOf(copy)).toHaveLength(1);
    await record.expectKeptBy(broker.log);
  });
});

describe.skipIf(process.platform === "win32")("owner of a store", () => {
  it("counts as alive when it is unreachable for any reason but its end", async () => {
    const folder = createFolder();
    const record = { pid: 4242, socket: "owner-1.sock" };
    writeFileSync(join(folder, "owner.json"), JSON.stringify(record));
    // Too many links on the way to it.
    symlinkSync(record.socket, join(folder, record.socket));
    await expect(openBroker(folder)).rejects.toMatchObject({
      code: "HF_STORE_IN_USE",
      details: { pid: record.pid },
    });
  });
});
