import { hostname } from "node:os";
import { request } from "undici";
import { describe, expect, it } from "vitest";
import { HoldfastError, MemoryBroker } from "../../../src/index.js";
import { systemClock } from "../../../src/sockets/system-clock.js";
import { createCounter } from "../../support/counter.js";
import { RawClient, startServer } from "../../support/server.js";

const key = "0123456789abcdef";
const news = { channel: "news", data: { text: "hello" } };

async function createApi(options: Parameters<typeof startServer>[0] = {}) {
  const { port, errors } = await startServer({ apiKeys: ["another-key-of-16-or-more", key], ...options });
  const call = async (
    body: unknown,
    { path = "/api/publish", method = "POST", headers = { "X-API-Key": key } as Record<string, string> } = {},
  ) => {
    const answer = await request(`http://127.0.0.1:${port}${path}`, {
      method: method as "POST",
      headers,
      ...(method === "POST" && { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return { status: answer.statusCode, body: (await answer.body.json()) as unknown };
  };
  return { call, errors, port };
}

describe("POST /api/publish", () => {
  it("publishes, and answers with the position", async () => {
    const { call } = await createApi();
    const { status, body } = await call(news);
    expect(status).toBe(200);
    expect(body).toEqual({ result: { epoch: expect.any(String), offset: 1 } });
    expect((await call(news)).body).toMatchObject({ result: { offset: 2 } });
  });

  it("accepts a publication with an idempotency key once", async () => {
    const { call } = await createApi();
    const keyed = { ...news, idempotency_key: "order-1" };
    await call(keyed);
    await call(news);
    expect((await call(keyed)).body).toMatchObject({ result: { offset: 1, is_duplicate: true } });
  });

  it("accepts the API key in Authorization, too", async () => {
    const { call } = await createApi();
    expect((await call(news, { headers: { Authorization: `apikey ${key}` } })).status).toBe(200);
  });

  it.each([
    ["none", {}],
    ["another", { "X-API-Key": "0123456789abcdeg" }],
    ["a part of one", { "X-API-Key": "0123456789abcde" }],
    ["an empty one", { "X-API-Key": "" }],
  ])("answers 401 to a request with no key that is known: %s", async (_name, headers) => {
    const { call } = await createApi();
    const { status, body } = await call(news, { headers });
    expect(status).toBe(401);
    expect(body).toEqual({ error: { code: 101, message: expect.stringContaining("X-API-Key") } });
  });

  it("answers 401 to all requests when the server has no keys", async () => {
    const { call } = await createApi({ apiKeys: [] });
    expect((await call(news)).status).toBe(401);
  });

  it.each([
    ["{", 400],
    ["", 400],
    ["[]", 400],
    [JSON.stringify({ ...news, data: "x".repeat(70_000) }), 413],
  ])("answers a body that it can't take: %.20j", async (body, status) => {
    const { call } = await createApi();
    expect((await call(body)).status).toBe(status);
  });

  it.each([
    [{}, 107, "channel: "],
    [{ channel: "news" }, 107, "data is missing"],
    [{ channel: "", data: 1 }, 107, "channel: a channel name must not be empty"],
    [{ channel: "ä", data: 1 }, 107, "printable ASCII"],
    [{ ...news, key: "a" }, 107, "latest"],
    [{ ...news, idempotency_key: "k".repeat(10_240) }, 107, "255 characters"],
  ])("says what is wrong with %j", async (body, code, words) => {
    const { call } = await createApi();
    const answer = await call(body);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({ error: { code, message: expect.stringContaining(words) } });
  });

  it("reports an unknown channel", async () => {
    const { call } = await createApi({ rulesFor: () => undefined });
    expect((await call(news)).body).toMatchObject({ error: { code: 102 } });
  });

  it("reports a full store as retryable", async () => {
    const broker = new MemoryBroker({ clock: systemClock, createEpoch: createCounter("epoch") });
    broker.log.publish = async () => {
      throw new HoldfastError("HF_BROKER_FULL", "no room");
    };
    const { call, errors } = await createApi({ broker });
    expect((await call(news)).body).toEqual({
      error: { code: 111, message: "too many requests: no room", temporary: true },
    });
    expect(errors).toEqual([]);
  });

  it("reports an unexpected error, and answers 100", async () => {
    const broker = new MemoryBroker({ clock: systemClock, createEpoch: createCounter("epoch") });
    broker.log.publish = async () => {
      throw new Error("broken");
    };
    const { call, errors } = await createApi({ broker });
    expect((await call(news)).body).toMatchObject({ error: { code: 100 } });
    expect(errors).toHaveLength(1);
  });
});

describe("request whose body is cut short", () => {
  it("is not reported", async () => {
    const { call, errors, port } = await createApi();
    const client = await RawClient.connect(port);
    client.socket.write(
      `POST /api/publish HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Length: 100\r\n\r\n{"channel"`,
    );
    await call(news);
    client.socket.resetAndDestroy();
    await call(news);
    await call(news);
    expect(errors).toEqual([]);
  });
});

describe("POST /api/info", () => {
  it("returns the node's statistics, including those of slow readers", async () => {
    const { call } = await createApi();
    await call(news);
    const { status, body } = await call({}, { path: "/api/info" });
    expect(status).toBe(200);
    const stats = { heldBytes: 0, behind: 0, cutOff: 0, unsentBytes: 0, ringBytes: 0 };
    expect(body).toMatchObject({
      result: { nodes: [{ name: `${hostname()}:${process.pid}`, num_clients: 0, num_channels: 0, stats }] },
    });
  });

  it("requires a key", async () => {
    const { call } = await createApi();
    expect((await call({}, { path: "/api/info", headers: {} })).status).toBe(401);
  });
});

describe("other requests below /api/", () => {
  it("are answered with the list of methods", async () => {
    const { call } = await createApi();
    expect(await call(news, { path: "/api/other" })).toEqual({
      status: 404,
      body: {
        error: {
          code: 107,
          message: expect.stringContaining(
            "There is nothing at /api/other. Paths: /api/publish, /api/broadcast",
          ),
        },
      },
    });
    expect((await call(news, { method: "GET" })).status).toBe(405);
  });
});

describe("option apiKeys", () => {
  it.each([["short"], [[5]], ["0123456789abcdef"]])("refuses %j", async (keys) => {
    const given = (typeof keys === "string" && keys.length > 5 ? keys : [keys].flat()) as readonly string[];
    await expect(startServer({ apiKeys: given })).rejects.toMatchObject({ code: "HF_OPTION_INVALID" });
  });
});
