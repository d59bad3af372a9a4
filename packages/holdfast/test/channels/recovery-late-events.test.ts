/** A node whose events are late, and readers that come from another node where they were not. */
import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { settle } from "../support/fake-clock.js";
import { clientInfo, countTo } from "./support/entries.js";
import { createTestNode, type TestNodeOptions } from "./support/test-node.js";

/** The channel "news", of whose publications the node has had no event but the first. */
async function lateNode(count: number, options: TestNodeOptions = {}) {
  const node = await createTestNode(options);
  const early = node.createReader();
  const { channel } = await node.follow(early, "news");
  await node.publish("news");
  node.broker.holdsEvents = true;
  await node.publish("news", count - 1);
  const { recovery } = node.channels;
  return { ...node, channel, early, recovery };
}

describe("a reader of a live channel", () => {
  it("starts after all that was published before, though its events come later", async () => {
    const { broker, channel, createReader, early, follow, publish, recovery, scheduler } = await lateNode(5);
    const reader = createReader();
    await follow(reader, "news", { offset: await recovery.startOfLive(channel) });
    broker.events.splice(0, 2).map((tell) => tell());
    scheduler.turn();
    await publish("news", 2);
    broker.releaseEvents();
    scheduler.turn();
    expect(early.offsets()).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(reader.offsets()).toEqual([6, 7]);
  });

  it("goes on when late and new events come in one turn, and in later ones", async () => {
    const { broker, channel, createReader, follow, publish, recovery, scheduler } = await lateNode(5);
    const reader = createReader();
    await follow(reader, "news", { offset: await recovery.startOfLive(channel) });
    await publish("news");
    broker.releaseEvents();
    scheduler.turn();
    await publish("news");
    scheduler.turn();
    expect(reader.offsets()).toEqual([6, 7]);
  });

  it("is told of joins and leaves from its start on", async () => {
    const { broker, channel, channels, createReader, follow, publish, recovery, scheduler } =
      await lateNode(3);
    const reader = createReader();
    const offset = await recovery.startOfLive(channel);
    await follow(reader, "news", { offset, hasJoinLeave: true });
    broker.events.shift()?.();
    channels.onJoin("news", clientInfo("ann"));
    scheduler.turn();
    await publish("news");
    broker.releaseEvents();
    channels.onLeave("news", clientInfo("ann"));
    scheduler.turn();
    expect(reader.labels()).toEqual(["join ann", "pub 4", "leave ann"]);
  });

  it("is told of all joins, though they are more than a batch", async () => {
    const { channel, channels, createReader, follow, recovery, scheduler } = await lateNode(3);
    const reader = createReader();
    const offset = await recovery.startOfLive(channel);
    await follow(reader, "news", { offset, hasJoinLeave: true });
    for (const n of countTo(400)) channels.onJoin("news", clientInfo(`${n}`.padStart(300, "x")));
    await scheduler.runAll();
    expect(reader.labels()).toHaveLength(400);
  });

  it("asks the log again where a question is pending that began before, together with others", async () => {
    const { broker, channel, publish, recovery } = await lateNode(2);
    broker.hold("heads");
    const first = recovery.startOfLive(channel);
    await publish("news");
    const others = [recovery.startOfLive(channel), recovery.startOfLive(channel)];
    broker.release("heads");
    await settle();
    expect(await first).toBe(2);
    expect(await Promise.all(others)).toEqual([3, 3]);
    expect(broker.count("heads")).toBe(2);
  });

  it("starts at the head of the node while the store cannot be reached", async () => {
    const { broker, channel, recovery } = await lateNode(3);
    broker.fail("heads", new HoldfastError("HF_BROKER_UNAVAILABLE"));
    expect(await recovery.startOfLive(channel)).toBe(1);
  });

  it("asks again after a failure, which those get that asked meanwhile", async () => {
    const { broker, channel, recovery } = await lateNode(3);
    broker.fail("heads", new HoldfastError("HF_BROKER_CLOSED"));
    const failed = [recovery.startOfLive(channel), recovery.startOfLive(channel)];
    for (const each of failed) await expect(each).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    broker.heal("heads");
    expect(await Promise.all([recovery.startOfLive(channel), recovery.startOfLive(channel)])).toEqual([3, 3]);
  });
});

describe("a reader that knows more than a node, which lacks what the log has dropped", () => {
  const retention = { maxEntries: 5 };

  it("is recovered where the log has all that follows", async () => {
    const { channel, recovery } = await lateNode(20, { retention });
    const recovered = await recovery.recover(channel, { epoch: "epoch-1", offset: 18 }, () => true);
    expect(recovered).toMatchObject({ isRecovered: true, offset: 20 });
    expect(recovered.isRecovered && recovered.publications.map(({ offset }) => offset)).toEqual([19, 20]);
  });

  it("is refused for what is gone, at the log's head, not at the node's", async () => {
    const { channel, early, recovery } = await lateNode(20, { retention });
    const recovered = await recovery.recover(channel, { epoch: "epoch-1", offset: 9 }, () => true);
    expect(recovered).toMatchObject({ isRecovered: false, cause: "expired" });
    expect(channel.head).toBe(20);
    expect(early.lost).toHaveLength(1);
  });
});
