import { describe, expect, it } from "vitest";
import { HoldfastError } from "../../src/errors.js";
import { createSessionNode } from "./support/session-node.js";

const news = { channel: "news", data: { text: "hello" } };

async function createPublisher() {
  const node = await createSessionNode();
  const client = await node.connect("ann");
  const call = async (id: number, data: unknown, method = "holdfast.publish") => {
    await client.ask({ id, rpc: { method, data } });
    return client.reply(id);
  };
  const logOf = async (channel: string) =>
    (await node.memory.log.history(channel, { maxEntries: 100, maxBytes: 1_000_000, isReverse: false }))
      .publications;
  return { ...node, client, call, logOf };
}

describe("publish command with an idempotency key", () => {
  it("has one effect, whatever the number of repeats", async () => {
    const { client, logOf } = await createPublisher();
    const repeat = { epoch: "epoch-1", offset: 1, is_duplicate: true };
    for (const [id, told] of [[2, {}] as const, [3, repeat] as const, [4, repeat] as const]) {
      await client.ask({ id, publish: { ...news, idempotency_key: "a" } });
      expect(client.reply(id)?.publish).toEqual(told);
    }
    await client.ask({ id: 5, publish: { ...news, idempotency_key: "b" } });
    expect((await logOf("news")).map(({ offset }) => offset)).toEqual([1, 2]);
  });

  it.each([
    ["", "1 to 255 characters, not 0"],
    ["k".repeat(256), "1 to 255 characters, not 256"],
    ["k".repeat(10_240), "1 to 255 characters, not 10240"],
    [5, "must be a string"],
  ])("refuses %j", async (idempotency_key, words) => {
    const { client, logOf } = await createPublisher();
    await client.ask({ id: 2, publish: { ...news, idempotency_key } });
    expect(client.reply(2)?.error).toMatchObject({ code: 107, message: expect.stringContaining(words) });
    expect(await logOf("news")).toEqual([]);
  });
});

describe("holdfast.publish", () => {
  it("returns the position", async () => {
    const { call, logOf } = await createPublisher();
    expect((await call(2, news))?.rpc).toEqual({ data: { epoch: "epoch-1", offset: 1 } });
    expect((await call(3, news))?.rpc).toEqual({ data: { epoch: "epoch-1", offset: 2 } });
    expect((await logOf("news"))[0]).toMatchObject({ data: '{"text":"hello"}', info: { user: "ann" } });
  });

  it("answers a repeat with the first position, marked as a repeat", async () => {
    const { call } = await createPublisher();
    const keyed = { ...news, idempotency_key: "a" };
    await call(2, keyed);
    await call(3, news);
    expect((await call(4, keyed))?.rpc).toEqual({
      data: { epoch: "epoch-1", offset: 1, is_duplicate: true },
    });
  });

  it("shares its keys with the publish command", async () => {
    const { call, client } = await createPublisher();
    await client.ask({ id: 2, publish: { ...news, idempotency_key: "a" } });
    expect((await call(3, { ...news, idempotency_key: "a" }))?.rpc).toMatchObject({
      data: { offset: 1, is_duplicate: true },
    });
  });

  it.each([
    [undefined, "the parameters must be an object"],
    ["news", "the parameters must be an object"],
    [{ channel: "news" }, "data is missing"],
    [{ channel: 5, data: 1 }, "channel must be a string"],
    [{ channel: "", data: 1 }, "must not be empty"],
    [{ channel: "ä", data: 1 }, "printable ASCII"],
  ])("refuses %j", async (data, words) => {
    const { call } = await createPublisher();
    expect((await call(2, data))?.error).toMatchObject({
      code: 107,
      message: expect.stringContaining(words),
    });
  });

  it("is the only method where the application has none", async () => {
    const { call } = await createPublisher();
    expect((await call(2, {}, "other"))?.error).toEqual({
      code: 108,
      message: "not available: the application has no methods; known: holdfast.publish",
    });
  });
});

describe("publish into a store that", () => {
  it("is full: error 111, temporary", async () => {
    const { broker, client, errors } = await createPublisher();
    broker.fail("publish", new HoldfastError("HF_BROKER_FULL", "the disk has no room"));
    await client.ask({ id: 2, publish: news });
    expect(client.reply(2)?.error).toEqual({
      code: 111,
      message: "too many requests: the disk has no room",
      temporary: true,
    });
    expect(errors).toEqual([]);
  });

  it("is read-only: error 100, temporary", async () => {
    const { broker, client, errors } = await createPublisher();
    broker.fail("publish", new HoldfastError("HF_STORE_FAILED"));
    await client.ask({ id: 2, publish: news });
    expect(client.reply(2)?.error).toMatchObject({ code: 100, temporary: true });
    expect(errors).toEqual([]);
  });

  it("was closed meanwhile: error 100, temporary, and nothing is reported", async () => {
    const { broker, client, errors } = await createPublisher();
    broker.fail("publish", new HoldfastError("HF_BROKER_CLOSED"));
    await client.ask({ id: 2, publish: news });
    expect(client.reply(2)?.error).toMatchObject({ code: 100, temporary: true });
    expect(errors).toEqual([]);
  });
});
