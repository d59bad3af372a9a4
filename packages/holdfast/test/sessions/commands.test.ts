import { describe, expect, it } from "vitest";
import { openRules } from "../../src/channels/rules.js";
import { HoldfastError } from "../../src/errors.js";
import { createSessionNode } from "./support/session-node.js";

const tooLong = "x".repeat(256);
const channelMethods = [
  ["subscribe", {}],
  ["unsubscribe", {}],
  ["publish", { data: 1 }],
  ["presence", {}],
  ["presence_stats", {}],
  ["history", {}],
] as const;

describe("channel name in a command", () => {
  it.each(channelMethods)("that is empty ends the connection with 3501: %s", async (method, rest) => {
    const { connect } = await createSessionNode();
    const client = await connect();
    expect(await client.ask({ id: 2, [method]: { channel: "", ...rest } })).toEqual([]);
    expect(client.closeCodes).toEqual([3501]);
  });

  it.each(channelMethods)("that is missing ends the connection with 3501: %s", async (method, rest) => {
    const { connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, [method]: rest });
    expect(client.closeCodes).toEqual([3501]);
  });

  it.each(channelMethods)("that is invalid gets error 107: %s", async (method, rest) => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    await client.ask(
      { id: 2, [method]: { channel: tooLong, ...rest } },
      { id: 3, [method]: { channel: "naïve", ...rest } },
    );
    expect(client.reply(2)?.error).toEqual({
      code: 107,
      message: "bad request: a channel name may have up to 255 characters, not 256",
    });
    expect(client.reply(3)?.error?.code).toBe(107);
    expect(broker.calls).toEqual([]);
    expect(client.closes).toEqual([]);
  });

  it.each(channelMethods.filter(([method]) => method !== "unsubscribe"))(
    "that no rule knows gets error 102: %s",
    async (method, rest) => {
      const { broker, connect } = await createSessionNode({
        rulesFor: (channel) => (channel === "news" ? openRules : undefined),
      });
      const client = await connect();
      await client.ask({ id: 2, [method]: { channel: "secret", ...rest } });
      expect(client.reply(2)?.error).toEqual({ code: 102, message: "unknown channel" });
      expect(broker.calls).toEqual([]);
    },
  );
});

describe("invalid parameters", () => {
  it("get error 107 with the field's name, and the connection stays open", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: 5 } }, { id: 3, publish: { channel: "news", data: 1 } });
    expect(client.reply(2)?.error).toEqual({
      code: 107,
      message: "bad request: subscribe.channel must be a string",
    });
    expect(client.reply(3)).toEqual({ id: 3, publish: {} });
    expect(client.closes).toEqual([]);
  });
});

describe("unsupported commands", () => {
  it.each(["ping", "refresh", "sub_refresh"])("%s gets error 108", async (method) => {
    const { connect } = await createSessionNode();
    const client = await connect();
    const [reply] = await client.ask({ id: 2, [method]: { data: {}, token: "t", channel: "news" } });
    expect(reply).toEqual({
      id: 2,
      error: { code: 108, message: expect.stringContaining("not available: ") },
    });
    expect(client.closes).toEqual([]);
  });

  it("send ends the connection with 3508", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    expect(await client.ask({ send: { data: 1 } }, { id: 2, rpc: {} })).toEqual([]);
    expect(client.closeCodes).toEqual([3508]);
  });
});

describe("invalid frame after connect", () => {
  it.each(["", "\n", "hello", "[]", '{"id":5}', '{"id":5,"dance":{}}', '{"id":0,"rpc":{}}'])(
    "%j ends the connection with 3501",
    async (frame) => {
      const { connect } = await createSessionNode();
      const client = await connect();
      client.sendText(frame);
      await client.settle();
      expect(client.closeCodes).toEqual([3501]);
      expect(client.closes[0]?.reason).toMatch(/^bad request: ./);
    },
  );

  it("executes the commands before the fault, once", async () => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    client.sendText(
      '{"id":2,"publish":{"channel":"news","data":1}}\n{"id":3,"publish":{"channel":5}}\nhello',
    );
    await client.settle();
    expect(broker.count("publish")).toBe(1);
    expect(client.closeCodes).toEqual([3501]);
  });

  it("sends available replies before it closes, once", async () => {
    const { connect, errors } = await createSessionNode();
    const client = await connect();
    client.sendText('{"id":2,"publish":{"channel":5}}\nhello');
    await client.settle();
    expect(client.labels).toEqual(["1 connect", "2 error 107"]);
    expect(client.closeCodes).toEqual([3501]);
    expect(errors).toEqual([]);
  });
});

describe("publish", () => {
  it("appends data with its publisher, and is answered", async () => {
    const { connect, open } = await createSessionNode();
    const client = open();
    await client.ask({ id: 1, connect: { data: { user: "ann", info: { name: "Ann" } } } });
    await client.ask({ id: 2, publish: { channel: "news", data: { text: "hi" } } });
    expect(client.reply(2)).toEqual({ id: 2, publish: {} });
    const reader = await connect();
    await reader.ask({ id: 2, history: { channel: "news", limit: 10 } });
    expect(reader.reply(2)?.history?.publications).toEqual([
      {
        data: { text: "hi" },
        info: { user: "ann", client: client.id, conn_info: { name: "Ann" } },
        offset: 1,
        time: expect.any(Number),
      },
    ]);
  });

  it("reaches the publisher too, if it is subscribed", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news" } });
    await client.ask({ id: 3, publish: { channel: "news", data: 1 } });
    expect(client.offsets("news")).toEqual([1]);
  });

  it("gets the temporary error 111 from a broker that is full", async () => {
    const { broker, connect, errors } = await createSessionNode();
    broker.fail("publish", new HoldfastError("HF_BROKER_FULL", "the broker holds 1 MiB"));
    const client = await connect();
    await client.ask({ id: 2, publish: { channel: "news", data: 1 } });
    expect(client.reply(2)?.error).toEqual({
      code: 111,
      message: "too many requests: the broker holds 1 MiB",
      temporary: true,
    });
    expect(errors).toEqual([]);
  });
});

describe("history", () => {
  it.each([
    ["the position alone by default", {}, []],
    ["the position alone for limit 0", { limit: 0 }, []],
    ["everything for limit -1", { limit: -1 }, [1, 2, 3, 4, 5]],
    ["at most so many", { limit: 2 }, [1, 2]],
    ["what follows an offset", { limit: -1, since: { offset: 3, epoch: "epoch-1" } }, [4, 5]],
    ["what follows an offset of an epoch not named", { limit: 1, since: { offset: 3 } }, [4]],
    ["nothing after the head", { limit: -1, since: { offset: 5, epoch: "epoch-1" } }, []],
    ["the newest first in reverse", { limit: 2, reverse: true }, [5, 4]],
    ["what lies before an offset in reverse", { limit: -1, reverse: true, since: { offset: 3 } }, [2, 1]],
  ])("gives %s", async (_name, params, offsets) => {
    const { connect, publish } = await createSessionNode();
    await publish("news", 5);
    const client = await connect();
    await client.ask({ id: 2, history: { channel: "news", ...params } });
    const { history } = client.reply(2) ?? {};
    expect(history?.publications.map(({ offset }) => offset)).toEqual(offsets);
    expect(history).toMatchObject({ epoch: "epoch-1", offset: 5 });
  });

  it("returns an epoch even when nothing was ever published", async () => {
    const { connect } = await createSessionNode();
    const client = await connect();
    const [reply] = await client.ask({ id: 2, history: { channel: "news" } });
    expect(reply?.history).toEqual({ publications: [], epoch: "epoch-1", offset: 0 });
  });

  it("gets error 112 for another epoch", async () => {
    const { connect, publish } = await createSessionNode();
    await publish("news", 5);
    const client = await connect();
    await client.ask({ id: 2, history: { channel: "news", limit: 1, since: { offset: 3, epoch: "_" } } });
    expect(client.reply(2)?.error?.code).toBe(112);
  });

  it("gets error 107 in reverse from offset 0", async () => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, history: { channel: "news", limit: 1, since: {}, reverse: true } });
    expect(client.reply(2)?.error?.code).toBe(107);
    expect(broker.calls).toEqual([]);
  });

  it("is bounded in entries and bytes, whatever was requested", async () => {
    const { connect, publish } = await createSessionNode({
      limits: { maxHistoryEntries: 4, maxHistoryBytes: 3000 },
    });
    await publish("small", 10);
    await publish("large", 10, JSON.stringify("x".repeat(998)));
    const client = await connect();
    await client.ask(
      { id: 2, history: { channel: "small", limit: -1 } },
      { id: 3, history: { channel: "small", limit: 100 } },
      { id: 4, history: { channel: "large", limit: 4 } },
    );
    expect([2, 3, 4].map((id) => client.reply(id)?.history?.publications.length)).toEqual([4, 4, 3]);
  });
});

describe("subscription limits", () => {
  it("a second subscription to a channel gets error 105", async () => {
    const { connect, handler } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news" } }, { id: 3, subscribe: { channel: "news" } });
    expect(client.reply(3)?.error).toEqual({ code: 105, message: "already subscribed" });
    await client.ask({ id: 4, subscribe: { channel: "news" } });
    expect(client.reply(4)?.error?.code).toBe(105);
    expect(handler.stats().subscriptions).toBe(1);
  });

  it("more channels than allowed get error 106, until one is left", async () => {
    const { connect, handler } = await createSessionNode({ limits: { maxConnectionChannels: 2 } });
    const client = await connect();
    await client.ask(...["a", "b", "c"].map((channel, index) => ({ id: index + 2, subscribe: { channel } })));
    expect(client.reply(4)?.error).toEqual({
      code: 106,
      message: "limit exceeded: a connection may be subscribed to 2 channels",
    });
    expect(handler.stats().subscriptions).toBe(2);
    await client.ask({ id: 5, unsubscribe: { channel: "a" } });
    await client.ask({ id: 6, subscribe: { channel: "c" } });
    expect(client.reply(6)?.subscribe).toBeDefined();
  });

  it("a subscription with a token gets error 103 when there is no key to check it", async () => {
    const { broker, connect } = await createSessionNode();
    const client = await connect();
    await client.ask({ id: 2, subscribe: { channel: "news", token: "t" } });
    expect(client.reply(2)?.error?.code).toBe(103);
    expect(broker.calls).toEqual([]);
  });
});
