/** Bounds of requests: how many, what is kept of their bodies, and what waits of their answers. */
import { describe, expect, it, onTestFinished } from "vitest";
import type { ServerOptions } from "../../packages/holdfast/src/index.js";
import { frame, frameTypes, RawHttp2 } from "../../packages/holdfast/test/support/raw-http2.js";
import { RawClient, startServer, until } from "../../packages/holdfast/test/support/server.js";

const kib = 1024;
const inTime = /application\/json[\s\S]*\{"error":\{"code":107,"message":"[^"]*in time[^"]*"\}\}\n$/;
const atLimit = /\{"error":\{"code":111,"message":"[^"]*limit of 3 requests[^"]*","temporary":true\}\}\n$/;
const key = "key-of-the-tests";

/** `/own?SIZE` is answered with so many bytes. */
const start = (options: ServerOptions = {}) =>
  startServer({
    apiKeys: [key],
    routes: ({ url = "" }, response) => {
      if (url === "/slow") return true;
      if (!url.startsWith("/own?")) return false;
      response.end("x".repeat(Number(url.slice("/own?".length))));
      return true;
    },
    ...options,
  });

/** A peer over HTTP/2 that asks for answers and takes none. */
async function askAndLeave(port: number, sizes: readonly number[]): Promise<RawHttp2> {
  const peer = await RawHttp2.connect(port, { windowBytes: 0 });
  for (const size of sizes) peer.write(peer.request({ method: "GET", path: `/own?${size}` }).bytes);
  await until(() => (peer.frames[frameTypes.headers] ?? 0) + peer.resets.length >= sizes.length);
  return peer;
}

async function ask(port: number, head: string, body = ""): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(
    `${head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
  );
  return client.readToEnd();
}

describe("unread responses", () => {
  it("are cut off beyond the limit of a connection", async () => {
    const { server, port } = await start({ requests: { maxConnectionResponseBytes: 100 * kib } });
    const alone = await askAndLeave(port, [300 * kib]);
    expect([alone.resets.length, server.stats().responseBytes]).toEqual([0, 312 * kib]);
    const many = await askAndLeave(port, Array(20).fill(30 * kib));
    await until(() => many.resets.length === 18);
    expect(server.stats().responseBytes).toBe(396 * kib);
    many.socket.destroy();
    alone.socket.destroy();
    await until(() => server.stats().responseBytes === 0 && server.stats().openRequests === 0);
  });

  it("are cut off beyond the total limit, the longest waiting first", async () => {
    const { server, port } = await start({ requests: { maxResponseBytes: 150 * kib } });
    const first = await askAndLeave(port, [30 * kib, 30 * kib]);
    const second = await askAndLeave(port, [30 * kib]);
    expect(first.resets.length + second.resets.length).toBe(0);
    const third = await askAndLeave(port, [30 * kib, 30 * kib]);
    await until(() => first.resets.length === 2);
    expect([second.resets.length, third.resets.length]).toEqual([0, 0]);
    expect(server.stats().responseBytes).toBe(126 * kib);
  });

  it("are complete when they are read, whatever their number", async () => {
    const { server, port } = await start({ requests: { maxConnectionResponseBytes: 64 * kib } });
    for (let i = 0; i < 20; i++)
      expect((await ask(port, `GET /own?${50 * kib}`)).length).toBeGreaterThan(50 * kib);
    await until(() => server.stats().openRequests === 0);
  });

  it("of one address count together, and others are answered", async () => {
    const { server, port } = await start({
      trustedProxies: ["loopback"],
      requests: { maxAddressResponseBytes: 100 * kib },
    });
    const from = (address: string) => ({ "x-forwarded-for": address });
    const peer = await RawHttp2.connect(port, { windowBytes: 0 });
    for (let i = 0; i < 10; i++)
      peer.write(peer.request({ method: "GET", path: `/own?${30 * kib}`, headers: from("192.0.2.1") }).bytes);
    await until(() => peer.resets.length >= 6);
    expect(server.stats().responseBytes).toBeLessThanOrEqual(120 * kib);
    expect(await ask(port, "GET /own?5 HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\nX-Rest:")).toMatch(
      /^HTTP\/1.1 200/,
    );
    expect(await ask(port, "GET /own?5 HTTP/1.1\r\nX-Forwarded-For: 192.0.2.2\r\nX-Rest:")).toMatch(
      /^HTTP\/1.1 200/,
    );
  });
});

describe("unfinished request bodies", () => {
  const post = { method: "POST", path: "/emulation" };

  it("are refused beyond the limit of a connection", async () => {
    const { server, port } = await start({ requests: { maxConnectionBodyBytes: 100 * kib } });
    const peer = await RawHttp2.connect(port);
    for (let i = 0; i < 20; i++) {
      const { stream, bytes } = peer.request(post, { ends: false });
      peer.write(bytes, frame(frameTypes.data, 0, stream, Buffer.alloc(16 * kib, "x")));
    }
    // The answer, and that the rest of the body is not wanted.
    await until(() => peer.resets.length >= 14);
    expect(server.stats().bodyBytes).toBeLessThanOrEqual(100 * kib);
    peer.socket.destroy();
    await until(() => server.stats().bodyBytes === 0);
  });

  it("are refused beyond the total limit, the longest arriving first", async () => {
    const { server, port } = await start({ requests: { maxBodyBytes: 180 * kib } });
    const peers: RawHttp2[] = [];
    for (let i = 0; i < 10; i++) {
      const peer = await RawHttp2.connect(port);
      const { stream, bytes } = peer.request(post, { ends: false });
      peer.write(bytes, frame(frameTypes.data, 0, stream, Buffer.alloc(16 * kib, "x")));
      peers.push(peer);
      await until(() => server.stats().openRequests > 0 && server.stats().bodyBytes > 0);
    }
    await until(() => peers.slice(0, 4).every((peer) => peer.resets.length === 1));
    expect(peers.slice(4).flatMap((peer) => peer.resets)).toEqual([]);
    expect(server.stats().bodyBytes).toBe(168 * kib);
  });

  it.each([
    ["/channels/news", inTime],
    ["/api/info", inTime],
    ["/emulation", inTime],
  ])("are refused with 408 in the form that %s has for errors", async (path, form) => {
    const { port, errors } = await start({ requests: { bodyTimeoutMs: 200 } });
    const client = await RawClient.connect(port);
    client.write(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{`,
    );
    const answer = await client.readToEnd();
    expect(answer).toMatch(/^HTTP\/1\.1 408 [\s\S]*Connection: close\r\n/);
    expect(answer).toMatch(form);
    expect(errors).toEqual([]);
  });
});

describe("too many requests", () => {
  const wait = "/channels/news?since=:0&wait=60s";
  /** At work for as long as the test takes. */
  const slow = "/slow";

  it.each([
    ["/channels/news", atLimit],
    ["/api/info", atLimit],
    ["/health", atLimit],
    ["/", /text\/plain[\s\S]*limit of 3 requests\.\n$/],
  ])("are refused with 503 in the form that %s has for errors", async (path, form) => {
    const { server, port } = await start({ requests: { maxTotal: 3 } });
    const peer = await RawHttp2.connect(port);
    // What waits has its own bound.
    for (let i = 1; i <= 4; i++) {
      peer.write(peer.request({ method: "GET", path: wait }).bytes);
      await until(() => server.stats().waitingRequests === i);
    }
    for (let i = 0; i < 3; i++) peer.write(peer.request({ method: "GET", path: slow }).bytes);
    await until(() => server.stats().openRequests === 7);
    const answer = await ask(port, `GET ${path}`);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*Retry-After: 5\r\n/);
    expect(answer).toMatch(form);
    peer.socket.destroy();
    await until(() => server.stats().openRequests === 0);
    expect(await ask(port, "GET /health")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("of one address are refused, but not of others", async () => {
    const { server, port } = await start({ trustedProxies: ["loopback"], requests: { maxPerAddress: 2 } });
    const peer = await RawHttp2.connect(port);
    const headers = { "x-forwarded-for": "192.0.2.1" };
    for (let i = 0; i < 2; i++) peer.write(peer.request({ method: "GET", path: slow, headers }).bytes);
    await until(() => server.stats().openRequests === 2);
    const from = (address: string) =>
      ask(port, `GET /health HTTP/1.1\r\nX-Forwarded-For: ${address}\r\nX-Rest:`);
    expect(await from("192.0.2.1")).toMatch(/^HTTP\/1\.1 503 /);
    expect(await from("192.0.2.2")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("pipelined unanswered end their connection, and all are released", async () => {
    const { server, port } = await start({ requests: { maxPerConnection: 5 } });
    const client = await RawClient.connect(port);
    for (let i = 0; i < 5; i++) client.write(`GET ${wait} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await until(() => server.stats().waitingRequests === 5);
    client.write(`GET ${wait} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await until(() => client.hasClosed);
    await until(
      () => server.stats().openRequests + server.stats().requests + server.stats().waitingRequests === 0,
    );
  });

  it("count streams while they are open", async () => {
    const { server, port } = await start();
    const controller = new AbortController();
    onTestFinished(() => controller.abort());
    await fetch(`http://127.0.0.1:${port}/channels/news/events`, { signal: controller.signal });
    expect(server.stats().openRequests).toBe(1);
    controller.abort();
    await until(() => server.stats().openRequests === 0);
  });
});
