/** Servers behind proxies that are trusted, or are not: whose address counts, and which pages may connect. */
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { connectSdk, startApp } from "../../packages/holdfast/test/support/app-server.js";
import {
  RawClient,
  startServer,
  until,
  upgradeRequest,
} from "../../packages/holdfast/test/support/server.js";

/** An application that tells clients the address that it was told. */
async function startEcho(options: ServerOptions = {}) {
  const app = defineApp({
    authenticate: ({ address }) => ({ id: "", meta: address }),
    onConnect: ({ user }) => ({ data: user.meta }),
  });
  return await startApp(app, options);
}

async function addressSeenBy(url: string, headers: Record<string, string>): Promise<unknown> {
  const socket = new WebSocket(url, { headers });
  onTestFinished(() => socket.terminate());
  await once(socket, "open");
  socket.send(JSON.stringify({ id: 1, connect: {} }));
  const [message] = await once(socket, "message");
  return (JSON.parse(String(message)) as { connect: { data: unknown } }).connect.data;
}

/** @returns the head of the answer to an upgrade request */
async function ask(port: number, fields: Record<string, string>): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(upgradeRequest(fields));
  return await client.readHead();
}

async function statusOf(port: number, fields: Record<string, string>): Promise<string | undefined> {
  return (await ask(port, fields)).split(" ")[1];
}

describe("client address", () => {
  it("is the socket's when no proxy is trusted, whatever the header", async () => {
    const { url } = await startEcho();
    expect(await addressSeenBy(url, { "X-Forwarded-For": "203.0.113.9" })).toBe("127.0.0.1");
  });

  it("is the socket's when other proxies are trusted", async () => {
    const { url } = await startEcho({ trustedProxies: ["10.0.0.0/8"] });
    expect(await addressSeenBy(url, { "X-Forwarded-For": "203.0.113.9" })).toBe("127.0.0.1");
  });

  it("is the one a trusted proxy reports", async () => {
    const { url } = await startEcho({ trustedProxies: ["loopback", "10.0.0.0/8"] });
    expect(await addressSeenBy(url, { "X-Forwarded-For": "1.1.1.1, 203.0.113.9, 10.0.0.2" })).toBe(
      "203.0.113.9",
    );
    expect(await addressSeenBy(url, { Forwarded: 'for="[2001:db8::9]:4711"' })).toBe("2001:db8::9");
    expect(await addressSeenBy(url, { "X-Forwarded-For": "garbage" })).toBe("127.0.0.1");
    expect(await addressSeenBy(url, {})).toBe("127.0.0.1");
  });
});

describe("limits of one address", () => {
  const trustedProxies = ["loopback"];

  it("refuse further connections with 503 before they open, until one closes", async () => {
    const { port, server } = await startServer({ trustedProxies, maxAddressConnections: 1 });
    const first = await RawClient.connect(port);
    first.write(upgradeRequest({ "X-Forwarded-For": "203.0.113.9" }));
    expect(await first.readHead()).toMatch(/^HTTP\/1.1 101 /);
    const refused = await ask(port, { "X-Forwarded-For": "203.0.113.9" });
    expect(refused).toMatch(/^HTTP\/1.1 503 .*\r\n/);
    expect(refused).toMatch(/^Retry-After: 5\r$/m);
    expect(await statusOf(port, { "X-Forwarded-For": "203.0.113.8" })).toBe("101");
    first.socket.destroy();
    await until(() => server.stats().sockets === 1);
    expect(await statusOf(port, { "X-Forwarded-For": "203.0.113.9" })).toBe("101");
  });

  it("refuse connections opened too fast with 429, grouping IPv6 networks", async () => {
    const limits = { addressConnectionsPerSecond: 1, addressConnectionBurst: 1 };
    const { port } = await startServer({ trustedProxies, ...limits });
    expect(await statusOf(port, { "X-Forwarded-For": "2001:db8::1" })).toBe("101");
    const refused = await ask(port, { "X-Forwarded-For": "2001:db8::2" });
    expect(refused).toMatch(/^HTTP\/1.1 429 Too Many Requests\r\n/);
    expect(refused).toMatch(/^Retry-After: 1\r$/m);
    expect(await statusOf(port, { "X-Forwarded-For": "2001:db8:0:1::1" })).toBe("101");
  });

  it("count each WebSocket of one HTTP/2 connection under its proxied address, until it closes", async () => {
    const { port } = await startServer({ trustedProxies, maxAddressConnections: 1 });
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    await once(session, "remoteSettings");
    const ask = async (address: string) => {
      const stream = session.request({
        ":method": "CONNECT",
        ":protocol": "websocket",
        ":path": "/connection/websocket",
        "sec-websocket-version": "13",
        "x-forwarded-for": address,
      });
      stream.on("error", () => {});
      const [headers] = (await once(stream, "response")) as [Record<string, unknown>];
      return { stream, status: headers[":status"], wait: headers["retry-after"] };
    };
    const first = await ask("203.0.113.9");
    expect(first.status).toBe(200);
    expect(await ask("203.0.113.9")).toMatchObject({ status: 503, wait: "5" });
    expect((await ask("203.0.113.8")).status).toBe(200);
    first.stream.close();
    await until(async () => (await ask("203.0.113.9")).status === 200);
  });

  it("do not count local connections without a proxy, nor trust a proxy's header", async () => {
    const { port } = await startServer({ maxAddressConnections: 1, addressConnectionBurst: 1 });
    for (let i = 0; i < 5; i++)
      expect(await statusOf(port, { "X-Forwarded-For": "203.0.113.9" })).toBe("101");
  });

  it("accept SDKs again when their time has come", async () => {
    const limits = { addressConnectionsPerSecond: 5, addressConnectionBurst: 1 };
    const { url } = await startServer({ trustedProxies, ...limits });
    await connectSdk(url);
    await connectSdk(url);
  });
});

describe("page behind a proxy on the same machine", () => {
  const page = { Origin: "https://app.example", Host: "127.0.0.1:8000" };
  const throughProxy = { ...page, "X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "app.example" };

  it("may connect when the proxy is trusted and forwards its host", async () => {
    const { port } = await startServer({ trustedProxies: ["loopback"] });
    expect(await statusOf(port, throughProxy)).toBe("101");
    const forwarded = { ...page, Forwarded: "for=203.0.113.9;host=app.example" };
    expect(await statusOf(port, forwarded)).toBe("101");
    expect(await statusOf(port, { ...throughProxy, "X-Forwarded-Host": "other.example" })).toBe("403");
  });

  it("may not connect when no proxy is trusted", async () => {
    const { port } = await startServer();
    expect(await statusOf(port, throughProxy)).toBe("403");
  });

  it("may not connect by a rebound DNS name, with a proxy or without", async () => {
    const { port } = await startServer({ trustedProxies: ["loopback"] });
    const rebound = { Origin: "http://evil.example", Host: "evil.example" };
    expect(await statusOf(port, rebound)).toBe("403");
    expect(await statusOf(port, { ...rebound, "X-Forwarded-For": "127.0.0.1" })).toBe("403");
    expect(await statusOf(port, { ...rebound, "X-Forwarded-For": "203.0.113.9" })).toBe("101");
  });
});

describe("IPv6 address", () => {
  it("that is IPv4-mapped counts as IPv4", async () => {
    const { port, url } = await startEcho({ host: "::", trustedProxies: ["127.0.0.1"] });
    // Where the machine has no IPv6, `listen` has failed already.
    const socket = connectTcp(port, "127.0.0.1");
    await once(socket, "connect");
    socket.destroy();
    expect(await addressSeenBy(url, {})).toBe("127.0.0.1");
    expect(await addressSeenBy(url, { "X-Forwarded-For": "203.0.113.9" })).toBe("203.0.113.9");
  });
});
