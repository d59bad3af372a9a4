/** Processes that are killed in the middle of their work. */
import { describe, expect, it } from "vitest";
import { countTo } from "../../../../../test/conformance/broker/fixture.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { RemoteBroker, type RemoteOptions } from "./support/remote-broker.js";
import { createFolder, journalFilesOf, openBroker } from "./support/store.js";

const publishers = 40;
let lastPublication = 0;

/** Publishes from many sides, to the process's end: each publisher waits for an answer before it goes on. */
async function publishUntilKilled(remote: RemoteBroker, record: PublicationRecord, count: number) {
  const target = record.size + count;
  let isOver = false;
  const run = async (publisher: number): Promise<void> => {
    for (let turn = 0; !isOver; turn++) {
      const durability = turn % 5 === 0 ? "disk" : "process";
      const channel = `channel-${(publisher + turn) % 15}`;
      await record.publish(remote, channel, publicationOf(++lastPublication), { durability });
      isOver ||= record.size >= target;
    }
  };
  await Promise.race(countTo(publishers).map(run));
  await remote.kill();
}

const settings: readonly [string, Omit<RemoteOptions, "folder">][] = [
  ["with checkpoints after the kill only", { checkpointDelayMs: 60_000 }],
  ["while it checkpoints all the time", { checkpointDelayMs: 1 }],
  ["while it changes journal files", { checkpointDelayMs: 5, maxJournalBytes: 20_000 }],
];

describe.each(settings)("process killed while many publish, %s", (_name, options) => {
  it("loses nothing it acknowledged, across several kills", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    for (const _ of countTo(2)) {
      const remote = await RemoteBroker.open({ ...options, folder });
      await record.expectKeptBy(remote);
      await publishUntilKilled(remote, record, 200);
    }
    const { broker, errors } = await openBroker(folder);
    await record.expectKeptBy(broker.log);
    expect(errors).toEqual([]);
    await broker.close();
    expect(journalFilesOf(folder)).toEqual([]);
  });
});

describe("process killed while opening", () => {
  it("leaves everything to the next process", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    await publishUntilKilled(await RemoteBroker.open({ folder }), record, 500);
    for (const turns of countTo(3)) {
      const remote = await RemoteBroker.start();
      const opening = remote.open({ folder, checkpointDelayMs: 1 }).catch(() => {});
      for (let turn = 0; turn < turns * 3; turn++) await new Promise(setImmediate);
      await remote.kill();
      void opening;
    }
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });
});
