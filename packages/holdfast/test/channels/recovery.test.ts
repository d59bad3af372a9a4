import { describe, expect, it } from "vitest";
import { countTo } from "./support/entries.js";
import { createTestNode, type TestNodeOptions } from "./support/test-node.js";

async function nodeWith(count: number, options: TestNodeOptions = {}, data?: string) {
  const node = await createTestNode(options);
  await node.publish("news", count, data);
  const channel = await node.channels.acquire("news");
  const recover = (offset: number, epoch = "epoch-1") =>
    node.channels.recovery.recover(channel, { epoch, offset });
  return { ...node, channel, recover };
}

describe("recovery", () => {
  it("returns the publications after the offset, and the offset of the last", async () => {
    const { recover } = await nodeWith(5);
    const recovery = await recover(2);
    expect(recovery).toMatchObject({ isRecovered: true, offset: 5 });
    expect(recovery.isRecovered && recovery.publications.map(({ offset }) => offset)).toEqual([3, 4, 5]);
  });

  it("returns nothing at the head, without reading the log", async () => {
    const { broker, recover } = await nodeWith(5);
    expect(await recover(5)).toEqual({ isRecovered: true, publications: [], offset: 5 });
    expect(broker.count("history")).toBe(0);
  });

  it("treats an empty epoch as the current one", async () => {
    const { recover } = await nodeWith(5);
    const recovery = await recover(0, "");
    expect(recovery.isRecovered && recovery.publications.map(({ offset }) => offset)).toEqual(countTo(5));
    expect(await recover(6, "")).toMatchObject({ isRecovered: false });
  });

  it("succeeds on a channel that was always empty", async () => {
    const { recover } = await nodeWith(0);
    expect(await recover(0, "")).toEqual({ isRecovered: true, publications: [], offset: 0 });
  });

  it.each(["epoch-2", "_", "EPOCH-1"])("fails for the epoch %s", async (epoch) => {
    const { recover } = await nodeWith(5);
    for (const offset of [0, 3, 5, 9])
      expect(await recover(offset, epoch)).toEqual({
        isRecovered: false,
        cause: "epoch",
        reason: "the position is of another epoch",
      });
  });

  it("fails for an offset beyond the head", async () => {
    const { recover } = await nodeWith(5);
    expect(await recover(6)).toEqual({
      isRecovered: false,
      cause: "ahead",
      reason: "the position lies beyond the end of the log",
    });
  });

  it("fails when the log has dropped the next publication, and names the missing range", async () => {
    const { recover } = await nodeWith(10, { retention: { maxEntries: 3 } });
    expect(await recover(6)).toMatchObject({ isRecovered: false, reason: expect.stringContaining("7") });
    const recovery = await recover(7);
    expect(recovery.isRecovered && recovery.publications.map(({ offset }) => offset)).toEqual([8, 9, 10]);
  });

  it("fails when everything has expired", async () => {
    const { clock, recover } = await nodeWith(5, { retention: { ttlMs: 1000 } });
    clock.advance(2000);
    expect(await recover(4)).toMatchObject({ isRecovered: false });
    expect(await recover(5)).toMatchObject({ isRecovered: true });
  });

  it("returns a first batch of a longer backlog, from which a reader continues", async () => {
    const { channel, channels, createReader, delivery, recover, scheduler } = await nodeWith(
      30,
      { ringLimits: { maxEntries: 4 } },
      JSON.stringify("x".repeat(10_000)),
    );
    const recovery = await recover(0);
    if (!recovery.isRecovered) throw new Error(recovery.reason);
    const first = recovery.publications.map(({ offset }) => offset);
    expect(first).toEqual(countTo(first.length));
    expect(first.length).toBeLessThan(8);
    expect(recovery.offset).toBe(first.length);
    const reader = createReader();
    reader.subscriptions.add(
      channels.subscribe(channel, reader, { offset: recovery.offset, hasJoinLeave: false }),
    );
    delivery.resume(reader);
    await scheduler.runAll();
    expect([...first, ...reader.offsets()]).toEqual(countTo(30));
  });

  it("rejects with what the broker rejects with", async () => {
    const { broker, recover } = await nodeWith(5);
    broker.fail("history", new Error("disk is gone"));
    await expect(recover(2)).rejects.toThrow("disk is gone");
  });

  it("delivers no publication twice when its event arrives afterwards", async () => {
    const { broker, channel, channels, createReader, publish, recover, scheduler } = await nodeWith(5);
    broker.holdsEvents = true;
    await publish("news", 2);
    const recovery = await recover(3);
    if (!recovery.isRecovered) throw new Error(recovery.reason);
    const reader = createReader();
    channels.subscribe(channel, reader, { offset: recovery.offset, hasJoinLeave: false });
    broker.releaseEvents();
    await scheduler.runAll();
    const recovered = recovery.publications.map(({ offset }) => offset);
    expect([...recovered, ...reader.offsets()]).toEqual([4, 5, 6, 7]);
  });
});
