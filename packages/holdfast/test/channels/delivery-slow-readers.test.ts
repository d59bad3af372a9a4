import { describe, expect, it } from "vitest";
import { countTo } from "./support/entries.js";
import { createTestNode } from "./support/test-node.js";

const idle = { channels: 0, behind: 0, unflushed: 0 };

describe("slow reader", () => {
  it("gets nothing while not ready, and delays no other reader", async () => {
    const { createReader, delivery, follow, publish, scheduler } = await createTestNode();
    const slow = createReader();
    const quick = createReader();
    await follow(slow, "news");
    await follow(quick, "news");
    slow.isReady = false;
    await publish("news", 10);
    await scheduler.runAll();
    expect(slow.writes).toEqual([]);
    expect(quick.offsets()).toEqual(countTo(10));
    expect(delivery.pending).toEqual(idle);
  });

  it("continues from its cursor when it drains", async () => {
    const { broker, createReader, follow, publish, scheduler } = await createTestNode();
    const slow = createReader();
    await follow(slow, "news");
    await publish("news", 2);
    await scheduler.runAll();
    slow.isReady = false;
    await publish("news", 3);
    await scheduler.runAll();
    slow.drain();
    await scheduler.runAll();
    expect(slow.offsets()).toEqual([1, 2, 3, 4, 5]);
    expect(slow.writes).toHaveLength(2);
    expect(broker.count("history")).toBe(0);
  });

  it("catches up in all channels with one write", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const slow = createReader();
    for (const name of ["news", "sport", "weather"]) await follow(slow, name);
    slow.isReady = false;
    await publish("news", 2);
    await publish("sport", 3);
    await scheduler.runAll();
    slow.drain();
    scheduler.turn();
    expect(slow.writes).toHaveLength(1);
    expect(slow.offsets("news")).toEqual([1, 2]);
    expect(slow.offsets("sport")).toEqual([1, 2, 3]);
  });

  it("that fills up during its backlog waits for the next drain", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const slow = createReader();
    await follow(slow, "news");
    slow.onFlush = () => {
      slow.isReady = false;
    };
    await publish("news", 30, JSON.stringify("x".repeat(10_000)));
    for (let drains = 0; drains < 10; drains++) {
      await scheduler.runAll();
      expect(slow.writes.length).toBeLessThanOrEqual(drains + 1);
      slow.drain();
    }
    expect(slow.offsets()).toEqual(countTo(30));
  });

  it("shares bytes with a reader at the same cursor", async () => {
    const { createReader, follow, publish, scheduler } = await createTestNode();
    const slow = countTo(3).map(createReader);
    for (const reader of slow) {
      await follow(reader, "news");
      reader.isReady = false;
    }
    await publish("news", 5);
    await scheduler.runAll();
    for (const reader of slow) reader.drain();
    await scheduler.runAll();
    for (const reader of slow) expect(reader.frames[0]).toBe(slow[0]?.frames[0]);
  });
});
