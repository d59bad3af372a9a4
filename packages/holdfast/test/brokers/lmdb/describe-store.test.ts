import { describe, expect, it } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { describeStore } from "../../../src/brokers/lmdb/describe-store.js";
import { createFolder, openBroker } from "./support/store.js";

async function createStore() {
  const folder = createFolder();
  const { broker, clock, checkpoint } = await openBroker(folder);
  const time = clock.now();
  const publish = (channel: string, data: string, key?: string) =>
    broker.log.publish(
      channel,
      { data, ...(key !== undefined && { key }) },
      { retention: key === undefined ? ample : { ...ample, keys: { maxKeys: 10, maxBytes: 10_000 } } },
    );
  for (const n of countTo(4)) {
    await publish(`chat:${n}`, JSON.stringify("x".repeat(100 * n)));
    clock.advance(1000);
  }
  await publish("news", '"1"');
  await publish("board", '"1"', "a");
  await publish("board", '"2"', "b");
  await publish("\u0001own", '"1"');
  await checkpoint();
  return { folder, broker, time, publish };
}

describe("report of a store", () => {
  it("sums what channels have by what comes before the colon", async () => {
    const { folder, time, publish } = await createStore();
    await publish("chat:1", '"not in the index yet"');
    await publish("chat:9", '"nor this"');
    const report = await describeStore(folder);
    expect(report).toMatchObject({ folder, format: 1, runs: 1, isClean: false, channels: 8 });
    const counts = report.patterns.map(({ pattern, channels, publications, keys }) => [
      pattern,
      channels,
      publications,
      keys,
    ]);
    expect(counts.slice(0, 2)).toEqual([
      ["chat:*", 5, 6, 0],
      ["board", 1, 2, 2],
    ]);
    expect(counts.slice(2).sort()).toEqual([
      ["(of the server)", 1, 1, 0],
      ["news", 1, 1, 0],
    ]);
    expect(report.patterns[0]).toMatchObject({ oldest: time });
    expect(report.journal).toMatchObject({ files: 1, pending: 2 });
    expect(report.index.usedBytes).toBeGreaterThan(0);
    expect(report.index.bytes).toBeGreaterThanOrEqual(report.index.usedBytes);
    expect(report.total.bytes).toBe(report.patterns.reduce((sum, { bytes }) => sum + bytes, 0));
  });

  it("sums by the patterns of an application, and names the largest channels", async () => {
    const { folder } = await createStore();
    const patternOf = (channel: string) => (channel.startsWith("chat:") ? "chat:{room}" : "(no pattern)");
    const { patterns, largest } = await describeStore(folder, { patternOf, largest: 2 });
    expect(patterns.map(({ pattern }) => pattern).sort()).toEqual([
      "(no pattern)",
      "(of the server)",
      "chat:{room}",
    ]);
    expect(largest.map(({ channel }) => channel)).toEqual(["chat:4", "chat:3"]);
  });

  it("keeps few patterns, however many names there are", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    for (const n of countTo(510)) await broker.log.publish(`n${n}`, { data: "1" }, { retention: ample });
    await checkpoint();
    const seen: number[] = [];
    const { patterns } = await describeStore(folder, {
      onProgress: (done, total) => seen.push(done / total),
    });
    expect(patterns.length).toBe(501);
    expect(patterns.find(({ pattern }) => pattern === "(others)")?.channels).toBe(10);
    expect(seen.at(-1)).toBe(1);
  });

  it("says where there is no store", async () => {
    await expect(describeStore(createFolder())).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
  });
});
