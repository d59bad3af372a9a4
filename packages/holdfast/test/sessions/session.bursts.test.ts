import { describe, expect, it } from "vitest";
import { countTo } from "../channels/support/entries.js";
import { createSessionNode, type SessionNodeOptions } from "./support/session-node.js";

async function publishAtOnce(count: number, options: SessionNodeOptions) {
  const { connect, delivery, errors } = await createSessionNode(options);
  const reader = await connect();
  await reader.ask({ id: 2, subscribe: { channel: "news" } });
  const publisher = await connect();
  const commands = countTo(count).map((n) => ({ id: n + 1, publish: { channel: "news", data: n } }));
  await publisher.ask(...commands);
  await reader.settle();
  return { reader, publisher, delivery, errors };
}

describe("more publications in one frame than the log keeps", () => {
  const small: SessionNodeOptions = { retention: { maxEntries: 10 }, ringLimits: { maxEntries: 16 } };

  it("all reach a reader that keeps up, in order", async () => {
    const { reader, errors } = await publishAtOnce(300, small);
    expect(reader.pushes("news").map(({ data }) => data)).toEqual(countTo(300));
    expect(reader.unsubscribes("news")).toEqual([]);
    expect(errors).toEqual([]);
  });

  it("are all acknowledged, in the order of the commands", async () => {
    const { publisher } = await publishAtOnce(300, small);
    const replies = publisher.messages.filter(({ publish }) => publish);
    expect(replies.map(({ id }) => id)).toEqual(countTo(301, 2));
  });

  it("are not delayed without readers", async () => {
    const { connect, broker } = await createSessionNode(small);
    const publisher = await connect();
    await publisher.ask(...countTo(300).map((n) => ({ id: n + 1, publish: { channel: "news", data: n } })));
    expect(broker.count("publish")).toBe(300);
    expect(publisher.messages.filter(({ publish }) => publish)).toHaveLength(300);
  });

  it("are not delayed by a reader that does not read", async () => {
    const { connect } = await createSessionNode(small);
    const slow = await connect();
    await slow.ask({ id: 2, subscribe: { channel: "news" } });
    slow.transport.isFull = true;
    const publisher = await connect();
    await publisher.ask(...countTo(300).map((n) => ({ id: n + 1, publish: { channel: "news", data: n } })));
    expect(publisher.messages.filter(({ publish }) => publish)).toHaveLength(300);
  });
});
