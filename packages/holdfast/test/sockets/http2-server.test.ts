/** WebSockets over HTTP/2 (RFC 8441), with the client of node:http2 and our own. */
import { once } from "node:events";
import {
  type ClientHttp2Session,
  connect,
  createServer as createHttp2,
  type SessionOptions,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { type CloseEvent, type ErrorEvent, type ServerWebSocket, WebSocket } from "../../src/websocket.js";
import { clientFrame, until } from "../support/server.js";
import { type Running, startSockets, startWitness, watchClose } from "./support/servers.js";

async function openSession(
  port: number,
  settings: SessionOptions["settings"] = {},
): Promise<ClientHttp2Session> {
  const session = connect(`http://127.0.0.1:${port}`, { settings });
  session.on("error", () => {});
  onTestFinished(() => session.destroy());
  await once(session, "remoteSettings");
  return session;
}

async function openOver(session: ClientHttp2Session, { url }: Running, options = {}): Promise<WebSocket> {
  const client = new WebSocket(`${url}/`, { http2Session: session, ...options });
  client.binaryType = "arraybuffer";
  onTestFinished(() => client.terminate());
  await once(client, "open");
  return client;
}

function handshake(path = "/", fields: Record<string, string> = {}) {
  return {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": path,
    ":authority": "127.0.0.1",
    "sec-websocket-version": "13",
    ...fields,
  };
}

/** An extended CONNECT of node:http2, and what comes back. */
async function requestStream(session: ClientHttp2Session, ...parts: Parameters<typeof handshake>) {
  const stream = session.request(handshake(...parts), { endStream: false });
  stream.on("error", () => {});
  onTestFinished(() => void stream.destroy());
  let received = Buffer.alloc(0);
  stream.on("data", (chunk) => {
    received = Buffer.concat([received, chunk]);
  });
  const [headers] = await once(stream, "response");
  return { stream, headers, received: () => received };
}

describe("a stream of node:http2", () => {
  it("opens without a key, carries frames both ways, and ends after the Close frames", async () => {
    const running = await startSockets();
    const session = await openSession(running.port);
    const { stream, headers, received } = await requestStream(session, "/a?b");
    expect(headers[":status"]).toBe(200);
    expect(headers["sec-websocket-accept"]).toBeUndefined();
    stream.write(clientFrame(0x1, "hello"));
    await until(() => received().length === 7);
    expect(received().toString("latin1")).toBe("\x81\x05hello");
    stream.end(clientFrame(0x8, Buffer.from([0x03, 0xe8])));
    await once(stream, "close");
    expect(received().subarray(7)).toEqual(Buffer.from([0x88, 2, 0x03, 0xe8]));
    expect(stream.rstCode).toBe(0);
    await until(() => running.server.connections.size === 0);
  });

  it("is told as HTTP/2 with its path, authority and fields", async () => {
    const requests: unknown[] = [];
    const { port } = await startSockets({
      path: "/a",
      onConnection: (_socket, { httpVersion, url, host, headers, rawHeaders }) =>
        requests.push([httpVersion, url, host, headers.origin, rawHeaders.filter((name) => name[0] === ":")]),
    });
    await requestStream(await openSession(port), "/a?b=c", { origin: "http://page" });
    await until(() => requests.length === 1);
    expect(requests).toEqual([["2.0", "/a?b=c", "127.0.0.1", "http://page", []]]);
  });

  it.each<[string, number, RegExp, Parameters<typeof handshake>]>([
    ["another path", 404, /at \/elsewhere\. WebSockets are at \/a/, ["/elsewhere"]],
    ["another version", 400, /must be 13, but is 8/, ["/a", { "sec-websocket-version": "8" }]],
    ["a stranger", 403, /Not you\./, ["/a", { origin: "http://evil" }]],
  ])("of %s is refused with %d and a sentence", async (_name, status, sentence, parts) => {
    const { port, server } = await startSockets({
      path: "/a",
      authorize: async ({ headers }) => (headers.origin ? { status: 403, message: "Not you." } : undefined),
    });
    const { stream, headers, received } = await requestStream(await openSession(port), ...parts);
    await once(stream, "end");
    expect(headers[":status"]).toBe(status);
    expect(received().toString()).toMatch(sentence);
    expect(server.connections.size).toBe(0);
  });

  it("that is reset in the middle of a frame closes with 1006; the others of its session go on", async () => {
    const running = await startSockets();
    const session = await openSession(running.port);
    const { stream } = await requestStream(session);
    const closed = watchClose(running.sockets[0] as ServerWebSocket);
    const other = await openOver(session, running);
    stream.write(clientFrame(0x2, Buffer.alloc(1000)).subarray(0, 500));
    await new Promise((resolve) => setTimeout(resolve, 20));
    stream.close(8);
    await until(() => closed.length === 1);
    expect(closed).toEqual([{ code: 1006, reason: "", wasClean: false }]);
    expect(running.server.connections.size).toBe(1);
    other.send("still here");
    expect((await once(other, "message"))[0].data).toBe("still here");
    expect(running.errors).toEqual([]);
  });

  it("that ends without a Close frame closes with 1006", async () => {
    const { port, sockets, server } = await startSockets();
    const { stream } = await requestStream(await openSession(port));
    const closed = watchClose(sockets[0] as ServerWebSocket);
    stream.end();
    await until(() => closed.length === 1);
    expect(closed[0]?.code).toBe(1006);
    expect(server.connections.size).toBe(0);
  });
});

describe("WebSocket over an HTTP/2 session", () => {
  it.each([{}, { initialWindowSize: 1000 }])(
    "echoes messages of all sizes with settings %j",
    async (settings) => {
      const running = await startSockets({ maxMessageBytes: 8_000_000 });
      const session = await openSession(running.port, settings);
      const client = await openOver(session, running, { maxMessageBytes: 8_000_000 });
      for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000, 5_000_000]) {
        const bytes = Buffer.alloc(size, size % 251);
        client.send(bytes);
        const [{ data }] = (await once(client, "message")) as [MessageEvent];
        expect(bytes.equals(Buffer.from(data as ArrayBuffer))).toBe(true);
      }
    },
  );

  it("agrees on a subprotocol and compression", async () => {
    const running = await startSockets({
      chooseProtocol: (offered) => offered[1],
      compression: { thresholdBytes: 0 },
    });
    const session = await openSession(running.port);
    const client = await openOver(session, running, {
      protocols: ["a", "b"],
      compression: { thresholdBytes: 0 },
    });
    expect(client.protocol).toBe("b");
    expect(client.extensions).toMatch(/^permessage-deflate/);
    client.send("é".repeat(100_000));
    expect((await once(client, "message"))[0].data).toBe("é".repeat(100_000));
  });

  it("tells close codes both ways", async () => {
    const running = await startSockets();
    const session = await openSession(running.port);
    const closing = await openOver(session, running);
    const closed = watchClose(running.sockets[0] as ServerWebSocket);
    closing.close(4001, "from here");
    const [mine] = (await once(closing, "close")) as [CloseEvent];
    expect([mine.code, mine.reason, mine.wasClean]).toEqual([4001, "from here", true]);
    await until(() => closed.length === 1);
    expect(closed).toEqual([{ code: 4001, reason: "from here", wasClean: true }]);
    const client = await openOver(session, running);
    running.sockets[1]?.close(4002, "from there");
    const [its] = (await once(client, "close")) as [CloseEvent];
    expect([its.code, its.reason, its.wasClean]).toEqual([4002, "from there", true]);
    expect(session.destroyed).toBe(false);
  });

  it("takes 200 sockets on one session, each with its own answers", async () => {
    const running = await startSockets();
    const session = await openSession(running.port);
    const clients = await Promise.all(Array.from({ length: 200 }, () => openOver(session, running)));
    const answers = clients.map((client, i) => {
      client.send(`I am ${i}`);
      return once(client, "message").then(([{ data }]) => data);
    });
    expect(await Promise.all(answers)).toEqual(clients.map((_, i) => `I am ${i}`));
    expect(running.server.connections.size).toBe(200);
    const witness = await startWitness(running.url);
    session.destroy();
    await until(() => clients.every(({ readyState }) => readyState === WebSocket.CLOSED));
    await until(() => running.server.connections.size === 1);
    await witness.check();
    expect(running.errors).toEqual([]);
  });

  it.each(["opening", "open"])("fails with 1006 when its session is destroyed while %s", async (state) => {
    const running = await startSockets({
      authorize: () => (state === "opening" ? new Promise(() => {}) : undefined),
    });
    const session = await openSession(running.port);
    const client = new WebSocket(`${running.url}/`, { http2Session: session });
    if (state === "open") await once(client, "open");
    const closed = once(client, "close");
    session.destroy();
    const [{ code, wasClean }] = await closed;
    expect([code, wasClean]).toEqual([1006, false]);
  });

  it("fails on a session that has ended before", async () => {
    const running = await startSockets();
    const session = await openSession(running.port);
    session.destroy();
    await once(session, "close");
    const client = new WebSocket(`${running.url}/`, { http2Session: session });
    const [{ message }] = (await once(client, "error")) as [ErrorEvent];
    expect(message).toMatch(/HTTP\/2 connection was closed/);
  });

  it("fails where the server does not support WebSockets over HTTP/2", async () => {
    const http2 = createHttp2();
    http2.listen(0, "127.0.0.1");
    await once(http2, "listening");
    onTestFinished(() => void http2.close());
    const { port } = http2.address() as AddressInfo;
    const session = await openSession(port);
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, { http2Session: session });
    const [{ message }] = (await once(client, "error")) as [ErrorEvent];
    expect(message).toMatch(/does not support WebSockets over HTTP\/2/);
  });

  it("says what the server answered, and closed before that tells it after the call", async () => {
    const running = await startSockets({ path: "/a" });
    const session = await openSession(running.port);
    const client = new WebSocket(`${running.url}/`, { http2Session: session });
    const [{ message }] = (await once(client, "error")) as [ErrorEvent];
    expect(message).toMatch(/404/);
    const second = new WebSocket(`${running.url}/a`, { http2Session: session });
    const events: string[] = [];
    second.onclose = () => events.push("close");
    second.close();
    expect(events).toEqual([]);
    await until(() => events.length === 1);
    await until(() => running.server.connections.size === 0);
  });

  it("fails rather than throw later where its fields can't be sent", async () => {
    const running = await startSockets();
    const session = connect(`http://127.0.0.1:${running.port}`);
    onTestFinished(() => session.destroy());
    const client = new WebSocket(`${running.url}/`, {
      http2Session: session,
      headers: { Connection: "close" },
    });
    const [{ message }] = (await once(client, "error")) as [ErrorEvent];
    expect(message).toMatch(/connection/i);
  });
});
