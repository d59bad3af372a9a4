import { describe, expect, it } from "vitest";
import { maxBatchBytes, viewOf } from "../../src/channels/batches.js";
import type { LogPage } from "../../src/channels/log-reader.js";
import { settle } from "../support/fake-clock.js";
import { countTo } from "./support/entries.js";
import { createPlainEncoding, messagesOf, plainEncoding } from "./support/fake-reader.js";
import { createTestNode } from "./support/test-node.js";

function offsetsOf(page: LogPage): number[] {
  return page.isComplete ? page.publications.map(({ offset }) => offset) : [];
}

describe("reading the log", () => {
  it("gives the publications after the offset", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 5);
    const channel = await channels.acquire("news");
    expect(offsetsOf(await log.read(channel, 2))).toEqual([3, 4, 5]);
  });

  it("is complete and empty at the head", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 5);
    const page = await log.read(await channels.acquire("news"), 5);
    expect(page).toMatchObject({ isComplete: true, publications: [] });
  });

  it("is incomplete when the next publication is gone, and says which are missing", async () => {
    const { channels, log, publish } = await createTestNode({ retention: { maxEntries: 3 } });
    await publish("news", 10);
    const channel = await channels.acquire("news");
    expect(await log.read(channel, 4)).toEqual({
      isComplete: false,
      cause: "expired",
      reason: "publications from 5 to 7 are no longer kept",
    });
    expect(await log.read(channel, 7)).toMatchObject({ isComplete: true });
  });

  it("is incomplete when all of them are gone", async () => {
    const { channels, clock, log, publish } = await createTestNode({ retention: { ttlMs: 1000 } });
    await publish("news", 3);
    const channel = await channels.acquire("news");
    clock.advance(2000);
    expect(await log.read(channel, 1)).toEqual({
      isComplete: false,
      cause: "expired",
      reason: "publications after 1 are no longer kept",
    });
  });

  it("is incomplete when the log has another epoch than the channel", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 3);
    const channel = await channels.acquire("news");
    channel.restart({ epoch: "another", offset: 1 });
    expect(await log.read(channel, 1)).toEqual({
      isComplete: false,
      cause: "epoch",
      reason: "the channel's log has started afresh",
    });
  });

  it("is bounded in bytes", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 30, JSON.stringify("x".repeat(10_000)));
    const page = await log.read(await channels.acquire("news"), 0);
    const last = offsetsOf(page).at(-1) ?? 0;
    expect(last).toBeGreaterThan(1);
    expect(last * 10_002).toBeLessThanOrEqual(maxBatchBytes);
  });

  it("is bounded in entries", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 1500, "1");
    const channel = await channels.acquire("news");
    const first = offsetsOf(await log.read(channel, 0));
    expect(first).toEqual(countTo(1000));
    expect(offsetsOf(await log.read(channel, 1000))).toEqual(countTo(1500, 1001));
  });

  it("rejects with what the broker rejects with", async () => {
    const { broker, channels, log, publish } = await createTestNode();
    await publish("news", 3);
    const channel = await channels.acquire("news");
    broker.fail("history", new Error("disk is gone"));
    await expect(log.read(channel, 0)).rejects.toThrow("disk is gone");
    expect(log.pendingReads).toBe(0);
  });
});

describe("concurrent reads", () => {
  it("of one offset share one broker call", async () => {
    const { broker, channels, log, publish } = await createTestNode();
    await publish("news", 5);
    const channel = await channels.acquire("news");
    const reads = [log.read(channel, 2), log.read(channel, 2), log.read(channel, 2)];
    expect(log.pendingReads).toBe(1);
    const [first, second] = await Promise.all(reads);
    expect(second).toBe(first);
    expect(broker.count("history")).toBe(1);
  });

  it("of other offsets or channels do not", async () => {
    const { broker, channels, log, publish } = await createTestNode();
    await publish("news", 5);
    await publish("sport", 5);
    const news = await channels.acquire("news");
    const sport = await channels.acquire("sport");
    await Promise.all([log.read(news, 2), log.read(news, 3), log.read(sport, 2)]);
    expect(broker.count("history")).toBe(3);
  });

  it("are forgotten when done, so the next read sees new entries", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 2);
    const channel = await channels.acquire("news");
    await log.read(channel, 1);
    expect(log.pendingReads).toBe(0);
    await publish("news", 1);
    expect(offsetsOf(await log.read(channel, 1))).toEqual([2, 3]);
  });

  it("are forgotten when they fail, so the next read retries", async () => {
    const { broker, channels, log, publish } = await createTestNode();
    await publish("news", 2);
    const channel = await channels.acquire("news");
    broker.fail("history");
    await log.read(channel, 0).catch(() => {});
    await settle();
    broker.heal("history");
    expect(offsetsOf(await log.read(channel, 0))).toEqual([1, 2]);
  });
});

describe("bytes of a page", () => {
  it("are framed once per encoding", async () => {
    const { channels, log, publish } = await createTestNode();
    await publish("news", 3);
    const page = await log.read(await channels.acquire("news"), 0);
    if (!page.isComplete) throw new Error(page.reason);
    const framed = page.framedFor(plainEncoding, viewOf());
    expect(messagesOf([framed?.bytes as Uint8Array]).map(({ push }) => push.pub?.offset)).toEqual([1, 2, 3]);
    expect(page.framedFor(plainEncoding, viewOf())).toBe(framed);
    expect(page.framedFor(createPlainEncoding(), viewOf())).not.toBe(framed);
  });
});
