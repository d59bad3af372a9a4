import { describe, expect, it } from "vitest";
import { listEncoding } from "../../src/http/channels/answer-body.js";
import { WaitingReader, type WaitOutcome } from "../../src/sessions/request-client.js";
import { Deadlines } from "../../src/time/deadlines.js";
import { createTestNode, type TestNodeOptions } from "../channels/support/test-node.js";

const idle = { channels: 0, behind: 0, unflushed: 0 };

async function createNode(options: TestNodeOptions = {}) {
  const node = await createTestNode(options);
  const deadlines = new Deadlines(node.clock, () => {});
  const context = { ...node, deadlines };
  const outcomes: WaitOutcome[] = [];

  /** A reader that waits, from the head on unless told otherwise. */
  const wait = async ({ offset = undefined as number | undefined, waitMs = 25_000 } = {}) => {
    const channel = await node.channels.acquire("news");
    const reader = new WaitingReader({
      context,
      encoding: listEncoding,
      waitMs,
      onEnd: (outcome) => outcomes.push(outcome),
    });
    reader.start(channel, offset ?? channel.head);
    node.channels.release(channel);
    return reader;
  };
  const texts = () => outcomes.map(({ bytes }) => bytes && Buffer.from(bytes).toString());
  return { ...node, deadlines, wait, outcomes, texts };
}

describe("waiting reader", () => {
  it("gets the next batch and its end position", async () => {
    const node = await createNode();
    await node.wait();
    await node.publish("news", 2);
    await node.scheduler.runAll();
    expect(node.texts()).toEqual([
      expect.stringMatching(/^\{"data":"x","offset":1.*\},\{"data":"x","offset":2.*\}$/),
    ]);
    expect(node.outcomes[0]?.position).toEqual({ epoch: "epoch-1", offset: 2 });
    expect([node.channels.count, node.deadlines.count, node.deadlines.hasTimer]).toEqual([0, 0, false]);
  });

  it("gets nothing at its own position when it times out", async () => {
    const node = await createNode();
    await node.publish("news", 3);
    await node.wait({ waitMs: 25_000 });
    node.clock.advance(24_000);
    await node.scheduler.runAll();
    expect(node.outcomes).toEqual([]);
    node.clock.advance(2000);
    await node.scheduler.runAll();
    expect(node.outcomes).toEqual([{ position: { epoch: "epoch-1", offset: 3 } }]);
    expect([node.channels.count, node.deadlines.hasTimer]).toEqual([0, false]);
  });

  it("gets publications of the turn in which it times out", async () => {
    const node = await createNode();
    await node.wait({ waitMs: 1000 });
    node.clock.advance(2000);
    await node.publish("news");
    await node.scheduler.runAll();
    expect(node.outcomes).toHaveLength(1);
    expect(node.outcomes[0]?.position.offset).toBe(node.outcomes[0]?.bytes ? 1 : 0);
  });

  it("that lags reads the log first", async () => {
    const node = await createNode({ ringLimits: { maxEntries: 1 } });
    await node.publish("news", 5);
    await node.wait({ offset: 2 });
    await node.scheduler.runAll();
    expect(node.texts()[0]?.match(/"offset":\d/g)).toEqual(['"offset":3', '"offset":4', '"offset":5']);
    expect(node.outcomes[0]?.position.offset).toBe(5);
  });

  it("gets nothing at its own position when the log restarts", async () => {
    const node = await createNode();
    await node.publish("news", 2);
    await node.wait();
    await node.startLogAfresh("news");
    await node.publish("news");
    await node.scheduler.runAll();
    expect(node.outcomes).toEqual([{ position: { epoch: "epoch-1", offset: 2 } }]);
    expect(node.channels.count).toBe(0);
  });

  it("that is stopped gets nothing, also in the middle of a turn", async () => {
    const node = await createNode({ now: createSlowClock() });
    const readers = [];
    for (let i = 0; i < 300; i++) readers.push(await node.wait());
    await node.publish("news");
    node.scheduler.turn();
    const before = node.outcomes.length;
    expect(before).toBeLessThan(300);
    for (const reader of readers) reader.stop();
    node.clock.advance(60_000);
    await node.scheduler.runAll();
    expect(node.outcomes).toHaveLength(before);
    expect([node.channels.count, node.deadlines.count, node.delivery.pending]).toEqual([0, 0, idle]);
  });

  it("does not wait after it is stopped", async () => {
    const node = await createNode();
    const channel = await node.channels.acquire("news");
    const context = { ...node };
    const reader = new WaitingReader({ context, encoding: listEncoding, waitMs: 1, onEnd: () => {} });
    reader.stop();
    expect(reader.start(channel, 0)).toBe(false);
    node.channels.release(channel);
    expect([node.channels.count, node.deadlines.count]).toEqual([0, 0]);
  });
});

/** Every look at it costs a millisecond: about 130 readers a slice. */
function createSlowClock(): () => number {
  let time = 0;
  return () => time++;
}

describe("ten thousand waiting readers", () => {
  const count = 10_000;

  async function createCrowd(options: TestNodeOptions = {}) {
    const node = await createNode(options);
    // The broker has one of its own once it has a channel.
    await node.publish("news");
    const timers = node.clock.timers;
    for (let i = 0; i < count; i++) await node.wait();
    return { ...node, timersBefore: timers };
  }

  it("share one timer, and are released by one publication with the same bytes", async () => {
    const node = await createCrowd();
    expect([node.clock.timers, node.deadlines.count]).toEqual([node.timersBefore + 1, count]);
    await node.publish("news");
    await node.scheduler.runAll();
    expect(node.outcomes).toHaveLength(count);
    expect(new Set(node.outcomes.map(({ bytes }) => bytes)).size).toBe(1);
    expect(node.clock.timers).toBe(node.timersBefore);
    expect([node.deadlines.count, node.channels.count]).toEqual([0, 0]);
  });

  it("are released in slices, between which others get their turn", async () => {
    const node = await createCrowd({ now: createSlowClock() });
    await node.publish("news");
    const steps: number[] = [];
    while (node.scheduler.waiting > 0) {
      const before = node.outcomes.length;
      node.scheduler.turn();
      steps.push(node.outcomes.length - before);
    }
    expect(node.outcomes).toHaveLength(count);
    expect(Math.max(...steps)).toBeLessThan(400);
  });

  it("are released in slices when they time out together", async () => {
    const node = await createCrowd({ now: createSlowClock() });
    node.clock.advance(60_000);
    expect(node.outcomes).toEqual([]);
    node.scheduler.turn();
    expect(node.outcomes.length).toBeLessThan(400);
    await node.scheduler.runAll();
    expect(node.outcomes).toHaveLength(count);
    expect(node.delivery.pending).toEqual(idle);
  });
});
