/** Where a WebSocketServer opens WebSockets: on servers of the application, and on its own port. */
import { once } from "node:events";
import { createServer as createHttp, get, type IncomingMessage, type RequestListener } from "node:http";
import { connect as connectHttp2, createServer as createHttp2, createSecureServer } from "node:http2";
import { createServer as createHttps } from "node:https";
import type { AddressInfo, Server as NetServer } from "node:net";
import { Agent, fetch, WebSocket as UndiciWebSocket } from "undici";
import { describe, expect, it, onTestFinished } from "vitest";
import { type AttachableServer, WebSocket } from "../../src/websocket.js";
import { RawClient, until, upgradeRequest } from "../support/server.js";
import { testTls } from "../support/tls.js";
import { createSocketServer, startSockets, WsClient } from "./support/servers.js";

const answer: RequestListener = (request, response) => response.end(`page ${request.url}`);
const insecure = new Agent({ connect: { ca: testTls.cert } });

async function listenOn(server: AttachableServer): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
  });
  return ((server as NetServer).address() as AddressInfo).port;
}

async function openHttp2(url: string) {
  const session = connectHttp2(url, { ca: testTls.cert });
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  await once(session, "connect");
  return session;
}

async function getHttp2(session: Awaited<ReturnType<typeof openHttp2>>, path: string): Promise<string> {
  const stream = session.request({ ":path": path });
  let text = "";
  stream.setEncoding("utf8").on("data", (data) => {
    text += data;
  });
  await once(stream, "end");
  return text;
}

async function echoOnce(url: string, session?: Awaited<ReturnType<typeof openHttp2>>): Promise<unknown> {
  const client = new WebSocket(url, {
    tls: { ca: testTls.cert },
    ...(session && { http2Session: session }),
  });
  const failed = new Promise<never>((_, reject) =>
    client.addEventListener("error", (event) => reject(new Error((event as Event & Error).message))),
  );
  client.onopen = () => client.send("hello");
  const message = new Promise<MessageEvent>((resolve) => {
    client.onmessage = resolve;
  });
  const { data } = await Promise.race([message, failed]);
  client.close();
  return data;
}

describe("attached to a server of the application", () => {
  it("node:http: WebSockets open, and other requests go on", async () => {
    const http = createHttp(answer);
    createSocketServer().server.attach(http);
    const port = await listenOn(http);
    expect(await (await WsClient.open(`ws://127.0.0.1:${port}/`)).ask("hello")).toBe("hello");
    expect(await (await fetch(`http://127.0.0.1:${port}/a`)).text()).toBe("page /a");
  });

  it("node:https: WebSockets open, and other requests go on", async () => {
    const https = createHttps(testTls, answer);
    createSocketServer().server.attach(https);
    const port = await listenOn(https);
    expect(await (await WsClient.open(`wss://localhost:${port}/`)).ask("hello")).toBe("hello");
    const page = await fetch(`https://localhost:${port}/a`, { dispatcher: insecure });
    expect(await page.text()).toBe("page /a");
  });

  it("node:http2 in cleartext: WebSockets open on a session, and other requests go on", async () => {
    const http2 = createHttp2(answer as never);
    createSocketServer().server.attach(http2);
    const port = await listenOn(http2);
    const session = await openHttp2(`http://127.0.0.1:${port}`);
    expect(await echoOnce(`ws://127.0.0.1:${port}/`, session)).toBe("hello");
    expect(await getHttp2(session, "/a")).toBe("page /a");
  });

  it("node:http2 with TLS and allowHTTP1: WebSockets open over both, and other requests go on", async () => {
    const http2 = createSecureServer({ ...testTls, allowHTTP1: true }, answer as never);
    createSocketServer().server.attach(http2);
    const port = await listenOn(http2);
    const session = await openHttp2(`https://localhost:${port}`);
    expect(await echoOnce(`wss://localhost:${port}/`, session)).toBe("hello");
    expect(await echoOnce(`wss://localhost:${port}/`)).toBe("hello");
    expect(await getHttp2(session, "/a")).toBe("page /a");
    const page = await fetch(`https://localhost:${port}/a`, { dispatcher: insecure });
    expect(await page.text()).toBe("page /a");
  });

  it("another CONNECT over HTTP/2 is refused with 405 as before", async () => {
    const http2 = createHttp2(answer as never);
    createSocketServer().server.attach(http2);
    const session = await openHttp2(`http://127.0.0.1:${await listenOn(http2)}`);
    const stream = session.request({ ":method": "CONNECT", ":authority": "elsewhere:1" });
    const [headers] = await once(stream, "response");
    expect(headers[":status"]).toBe(405);
    stream.destroy();
  });

  it("an upgrade to another protocol is answered as an ordinary request", async () => {
    const http = createHttp(answer);
    createSocketServer().server.attach(http);
    const client = await RawClient.connect(await listenOn(http));
    client.write(
      "GET /b HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
    );
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 200 [\s\S]*page \/b/);
  });

  it("a WebSocket at another path is refused with 404 that says where they are", async () => {
    const http = createHttp(answer);
    createSocketServer({ path: "/chat" }).server.attach(http);
    const port = await listenOn(http);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    expect(await client.readToEnd()).toMatch(
      /^HTTP\/1\.1 404 [\s\S]*at \/connection\/websocket\. WebSockets are at \/chat/,
    );
    expect(await (await WsClient.open(`ws://127.0.0.1:${port}/chat?a=1`)).ask("hello")).toBe("hello");
  });
});

describe("several WebSocketServers on one server", () => {
  async function startTwo(paths: readonly [string, string | undefined]) {
    const http = createHttp(answer);
    const servers = paths.map((path) =>
      createSocketServer({
        ...(path !== undefined && { path }),
        onConnection: (socket) => {
          socket.onMessage = () => socket.send(`from ${path}`);
        },
      }),
    );
    for (const { server } of servers) server.attach(http);
    const port = await listenOn(http);
    return { servers, port, url: `ws://127.0.0.1:${port}` };
  }

  it("each takes its own path", async () => {
    const { url } = await startTwo(["/a", "/b"]);
    expect(await (await WsClient.open(`${url}/a`)).ask("who?")).toBe("from /a");
    expect(await (await WsClient.open(`${url}/b`)).ask("who?")).toBe("from /b");
  });

  it("one without a path takes what the others do not", async () => {
    const { url, servers } = await startTwo(["/a", undefined]);
    expect(await (await WsClient.open(`${url}/a`)).ask("who?")).toBe("from /a");
    expect(servers.map(({ sockets }) => sockets.length)).toEqual([1, 0]);
    expect(await (await WsClient.open(`${url}/c`)).ask("who?")).toBe("from undefined");
  });

  it("a path that none takes is refused with 404", async () => {
    const { port } = await startTwo(["/a", "/b"]);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 404 /);
  });

  it("an upgrade to another protocol is answered as an ordinary request", async () => {
    const { port } = await startTwo(["/a", "/b"]);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest({ Upgrade: "h2c" }));
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 200 [\s\S]*page /);
  });
});

describe("listening itself", () => {
  it("answers independent clients", async () => {
    const { url, port } = await startSockets();
    expect(await (await WsClient.open(url)).ask("hello")).toBe("hello");
    const client = new UndiciWebSocket(`ws://127.0.0.1:${port}`);
    const message = once(client, "message");
    client.onopen = () => client.send("hello");
    expect((await message)[0].data).toBe("hello");
    client.close(3000, "done");
    const [closed] = await once(client, "close");
    expect([closed.code, closed.reason, closed.wasClean]).toEqual([3000, "done", true]);
  });

  // Node.js 20 has none; from 22 on it is there.
  it.skipIf(globalThis.WebSocket === undefined)("answers the client of Node.js", async () => {
    const { url } = await startSockets();
    const client = new globalThis.WebSocket(url);
    const message = once(client, "message");
    client.onopen = () => client.send("hello");
    expect((await message)[0].data).toBe("hello");
    client.close();
    await once(client, "close");
  });

  it("answers other requests with 426, or as onRequest has it", async () => {
    const plain = await startSockets();
    expect((await fetch(`http://127.0.0.1:${plain.port}/`)).status).toBe(426);
    const own = await startSockets({}, { onRequest: answer as never });
    expect(await (await fetch(`http://127.0.0.1:${own.port}/c`)).text()).toBe("page /c");
  });

  it("tells its port, and says when that is taken", async () => {
    const { server, port } = await startSockets();
    expect(server.port).toBe(port);
    await expect(server.listen()).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
    const second = createSocketServer().server;
    await expect(second.listen({ port })).rejects.toMatchObject({
      code: "HF_SERVER_LISTEN",
      message: expect.stringMatching(/in use by another program/),
    });
    expect(await second.listen()).toBeGreaterThan(0);
  });

  it("speaks HTTP/1.1 only where HTTP/2 is turned off", async () => {
    const { port, url } = await startSockets({}, { http2: false });
    expect(await (await WsClient.open(url)).ask("hello")).toBe("hello");
    const response = await new Promise<IncomingMessage>((resolve) =>
      get(`http://127.0.0.1:${port}/`, resolve),
    );
    expect(response.statusCode).toBe(426);
    response.resume();
    const client = await RawClient.connect(port);
    client.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 /);
  });

  it("tells what a request was like", async () => {
    const requests: unknown[] = [];
    const { url, port } = await startSockets({
      onConnection: (_socket, { httpVersion, url, host, headers, remoteAddress }) =>
        requests.push({ httpVersion, url, host, origin: headers.origin, remoteAddress }),
    });
    await WsClient.open(`${url}/a?b=c`, [], { origin: "http://page" });
    await until(() => requests.length > 0);
    expect(requests).toEqual([
      {
        httpVersion: "1.1",
        url: "/a?b=c",
        host: `127.0.0.1:${port}`,
        origin: "http://page",
        remoteAddress: "127.0.0.1",
      },
    ]);
  });
});
