import type fs from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability } from "../../../src/channels/log.js";
import { createGate, replaceInFs, systemError } from "./support/faults.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { checkpointDelayMs, createFolder, journalFilesOf, openBroker } from "./support/store.js";

const failed = { code: "HF_STORE_FAILED" };

describe("journal rotation that fails", () => {
  it.each(["EIO", "ENOSPC"])("refuses what waits and comes behind it where it fails: %s", async (code) => {
    const { broker, clock, events } = await openBroker(createFolder(), {
      maxJournalBytes: 1000,
      onError: () => {},
    });
    const publish = (data: string, durability: Durability) =>
      broker.log.publish("news", { data }, { retention: ample, durability });
    await broker.log.subscribe("news");
    for (const n of countTo(20)) await publish(String(n), "process");
    const begun = createGate();
    const ended = createGate();
    let isFailing = true;
    const failing = (fdatasync: typeof fs.fdatasync) =>
      ((file, callback) => {
        if (!isFailing) return fdatasync(file, callback);
        isFailing = false;
        begun.open();
        void ended.opened.then(() => callback(systemError(code)));
      }) as typeof fs.fdatasync;
    replaceInFs("fdatasync", failing);
    clock.advance(checkpointDelayMs);
    await begun.opened;
    const waiting = publish("21", "disk");
    ended.open();
    await expect(waiting).rejects.toMatchObject(failed);
    await broker.idle();
    await expect(publish("22", "process")).rejects.toMatchObject(failed);
    expect(events.offsets("news")).toEqual(countTo(20));
    expect(await offsetsIn(broker.log, "news")).toEqual(countTo(20));
  });
});

describe("journal rotation whose folder flush fails at first", () => {
  it("is retried later, and publishing continues", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker, checkpoint, errors } = await openBroker(folder, { maxJournalBytes: 1000 });
    let isFailing = true;
    replaceInFs("openSync", (openSync) => (path, ...rest) => {
      if (isFailing && path === folder) throw systemError("EMFILE");
      return openSync(path, ...rest);
    });
    for (const n of countTo(20)) await record.publish(broker.log, "news", publicationOf(n));
    await checkpoint();
    expect(errors.map(({ code }) => code)).toEqual(["HF_BROKER_FULL"]);
    isFailing = false;
    for (const n of countTo(40, 21)) await record.publish(broker.log, "news", publicationOf(n));
    await checkpoint();
    for (const n of countTo(60, 41)) await record.publish(broker.log, "news", publicationOf(n));
    await record.expectKeptBy(broker.log);
    expect(errors).toHaveLength(1);
    expect(journalFilesOf(folder)).not.toContain(join(folder, "journal-1.log"));
  });
});
