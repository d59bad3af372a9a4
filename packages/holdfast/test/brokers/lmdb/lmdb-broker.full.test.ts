import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import type { PublishResult } from "../../../src/channels/log.js";
import { endless, PublicationRecord, readAll } from "./support/record.js";
import { RemoteBroker, type RemoteError } from "./support/remote-broker.js";
import { crashCopyOf, createFolder, journalFilesOf, openBroker } from "./support/store.js";

const full = { code: "HF_BROKER_FULL" };
const large = (n: number) => ({ data: JSON.stringify(`${n} ${"x".repeat(10_000)}`) });

const small = { maxBytes: 12_000_000, maxPendingBytes: 500_000 };

type Publishing = (n: number) => Promise<PublishResult>;

/** Publishes until it is refused, `atOnce` at a time. @returns what it was refused with */
async function publishUntilRefused(publish: Publishing, most: number, atOnce = 20): Promise<RemoteError> {
  for (let n = 1; n <= most; n += atOnce) {
    const outcomes = await Promise.allSettled(countTo(n + atOnce - 1, n).map(publish));
    for (const outcome of outcomes) if (outcome.status === "rejected") return outcome.reason as RemoteError;
  }
  throw new Error("nothing was refused");
}

describe("store that is full of bytes", () => {
  it.each(["close", "crash"])(
    "refuses publishes, goes on reading, and has all after a %s",
    async (ending) => {
      const folder = createFolder();
      const record = new PublicationRecord();
      const { broker, checkpoint } = await openBroker(folder, small);
      const refusal = await publishUntilRefused(async (n) => {
        const result = await record.publish(broker.log, `news-${n % 4}`, large(n));
        if (n % 20 === 0) await checkpoint();
        return result;
      }, 2000);
      expect(refusal).toMatchObject(full);
      await expect(broker.log.publish("new", large(0), { retention: ample })).rejects.toMatchObject(full);
      await record.expectKeptBy(broker.log);
      if (ending === "close") await broker.close();
      const next = await openBroker(ending === "close" ? folder : crashCopyOf(folder));
      await record.expectKeptBy(next.broker.log);
      await record.publish(next.broker.log, "news-0", large(0));
      await record.expectKeptBy(next.broker.log);
    },
  );

  it("accepts publications again once retention has dropped older ones", async () => {
    const { broker, checkpoint, advance } = await openBroker(createFolder(), small);
    const retention = { ...endless, ttlMs: 60_000 };
    const publish = (n: number) => broker.log.publish("news", large(n), { retention });
    expect(
      await publishUntilRefused(async (n) => {
        const result = await publish(n);
        if (n % 20 === 0) await checkpoint();
        return result;
      }, 2000),
    ).toMatchObject(full);
    await advance(60 * 60_000, 100);
    await expect(publish(1)).resolves.toMatchObject({ isDuplicate: false });
  });
});

describe("store that is full of channels", () => {
  it("refuses new channels only, also after a restart", async () => {
    const folder = createFolder();
    const maxChannels = 100;
    const first = await openBroker(folder, { maxChannels });
    for (const n of countTo(maxChannels))
      await first.broker.log.publish(`news-${n}`, { data: "1" }, { retention: ample });
    const check = async ({ broker }: typeof first) => {
      await expect(broker.log.publish("new", { data: "1" }, { retention: ample })).rejects.toMatchObject(
        full,
      );
      expect((await broker.log.history("new", query())).position).toEqual(await broker.log.subscribe("new"));
      await broker.log.publish("news-7", { data: "2" }, { retention: ample });
      expect(broker.sizes.channels).toBeLessThanOrEqual(maxChannels);
    };
    await check(first);
    await first.checkpoint();
    await check(first);
    await first.broker.close();
    await check(await openBroker(folder, { maxChannels }));
  });

  it("refuses concurrent ones beyond the limit", async () => {
    const { broker } = await openBroker(createFolder(), { maxChannels: 10 });
    const outcomes = await Promise.allSettled(
      countTo(30).map((n) => broker.log.publish(`news-${n}`, { data: "1" }, { retention: ample })),
    );
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(10);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject(full);
  });

  it("accepts new channels up to the limit, however many others await indexing", async () => {
    const { broker, checkpoint } = await openBroker(createFolder(), { maxChannels: 100 });
    const publish = (n: number) => broker.log.publish(`news-${n}`, { data: "1" }, { retention: ample });
    for (const n of countTo(60)) await publish(n);
    await checkpoint();
    for (const n of countTo(100)) await publish(n);
  });
});

describe("store with a full index backlog", () => {
  it("refuses publishes until a checkpoint, and keeps accepted ones in order", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker, checkpoint } = await openBroker(folder, { maxPendingBytes: 200_000 });
    const refusal = await publishUntilRefused((n) => record.publish(broker.log, "news", large(n)), 1000, 1);
    expect(refusal).toMatchObject(full);
    expect(broker.sizes.pendingBytes).toBeLessThanOrEqual(200_000 + 30_000);
    await record.expectKeptBy(broker.log);
    await checkpoint();
    await record.publish(broker.log, "news", large(0));
    await record.expectKeptBy((await openBroker(crashCopyOf(folder))).broker.log);
  });

  it("refuses concurrent ones beyond the limit", async () => {
    const { broker } = await openBroker(createFolder(), { maxPendingBytes: 200_000 });
    const outcomes = await Promise.allSettled(
      countTo(500).map((n) => broker.log.publish("news", large(n), { retention: endless })),
    );
    const taken = outcomes.filter(({ status }) => status === "fulfilled");
    expect(taken.length).toBeGreaterThan(0);
    expect(taken.length).toBeLessThan(30);
    const { publications } = await readAll(broker.log, "news");
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(taken.length));
  });
});

/** A write that has failed leaves nothing behind. */
function expectWholeFrames(journal: Buffer): void {
  let at = 0;
  while (at + 4 <= journal.length) at += 4 + journal.readUInt32LE(at);
  expect(at).toBe(journal.length);
}

describe("process with a file size limit", () => {
  it.each([600, 9000])(
    "refuses publishes beyond %i kB per file, survives, stays readable and loses nothing",
    async (maxFileKb) => {
      const folder = createFolder();
      const record = new PublicationRecord();
      const remote = await RemoteBroker.start({ maxFileKb });
      await remote.open({ folder, checkpointDelayMs: 5 });
      const refusal = await publishUntilRefused(
        (n) => record.publish(remote, `news-${n % 4}`, large(n)),
        4000,
      );
      expect(refusal).toMatchObject(full);
      await record.expectKeptBy(remote);
      for (const durability of ["process", "disk"] as const)
        await record
          .publish(remote, "news-1", { data: `"${durability}"` }, { durability })
          .catch((error: unknown) => expect(error).toMatchObject(full));
      await record.expectKeptBy(remote);
      expect(remote.isAlive).toBe(true);
      await remote.kill();
      for (const file of journalFilesOf(folder)) expectWholeFrames(readFileSync(file));
      const { broker } = await openBroker(folder);
      await record.expectKeptBy(broker.log);
      await record.publish(broker.log, "news-1", large(0));
      await record.expectKeptBy(broker.log);
    },
  );

  it.skipIf(spawnSync("prlimit", ["--version"]).status !== 0)(
    "takes publications again once it may, without a restart",
    async () => {
      const folder = createFolder();
      const record = new PublicationRecord();
      const remote = await RemoteBroker.start({ maxFileKb: 9000 });
      await remote.open({ folder, checkpointDelayMs: 5 });
      const publish: Publishing = (n) => record.publish(remote, `news-${n % 4}`, large(n));
      expect(await publishUntilRefused(publish, 4000)).toMatchObject(full);
      spawnSync("prlimit", ["--pid", String(remote.pid), "--fsize=unlimited"]);
      for (const n of countTo(4100, 4001)) await publish(n);
      await record.expectKeptBy(remote);
      await remote.kill();
      await record.expectKeptBy((await openBroker(folder)).broker.log);
    },
  );
});
