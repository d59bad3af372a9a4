import { basename, join } from "node:path";
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { replaceInFs, systemError } from "./support/faults.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { crashCopyOf, createFolder, journalFilesOf, openBroker } from "./support/store.js";

describe("full journal file", () => {
  it.each(["ENOSPC", "EMFILE"])("goes on as long as there can be no other one: %s", async (code) => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker, checkpoint, errors } = await openBroker(folder, { maxJournalBytes: 1000 });
    let isFailing = true;
    replaceInFs("openSync", (openSync) => (path, ...rest) => {
      if (isFailing && path === join(folder, "journal-2.log")) throw systemError(code);
      return openSync(path, ...rest);
    });
    for (const n of countTo(20)) await record.publish(broker.log, "news", publicationOf(n));
    await checkpoint();
    expect(errors.map((error) => error.code)).toEqual(["HF_BROKER_FULL"]);
    for (const n of countTo(40, 21)) await record.publish(broker.log, "news", publicationOf(n));
    await record.expectKeptBy((await openBroker(crashCopyOf(folder))).broker.log);
    isFailing = false;
    await checkpoint();
    expect(journalFilesOf(folder).map((path) => basename(path))).toEqual(["journal-2.log"]);
    for (const n of countTo(60, 41)) await record.publish(broker.log, "news", publicationOf(n));
    await record.expectKeptBy(broker.log);
    await record.expectKeptBy((await openBroker(crashCopyOf(folder))).broker.log);
    expect(errors).toHaveLength(1);
  });
});
