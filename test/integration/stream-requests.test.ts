/** Requests of transports over plain HTTP, sent by hand: what is accepted, who may send it, and what is left behind. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { channel, createServer, defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { type Answer, startApp } from "../../packages/holdfast/test/support/app-server.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import {
  RawClient,
  startServer,
  until,
  upgradeRequest,
} from "../../packages/holdfast/test/support/server.js";

const connectCommand = '{"id":1,"connect":{}}';
const nothing = { connections: 0, subscriptions: 0, sockets: 0, deadlines: 0, channels: 0, unsentBytes: 0 };

async function start(options: ServerOptions = {}) {
  const { server, port, errors } = await startServer(options);
  const http = `http://127.0.0.1:${port}`;
  const post = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(http + path, { method: "POST", body, headers });
  const open = (body = connectCommand, headers: Record<string, string> = {}) =>
    PlainStream.open(`${http}/connection/http_stream`, headers, "POST", body);
  /** @returns a session, and what sends commands to it */
  const connect = async () => {
    const stream = await open();
    await stream.until(() => stream.lines.length > 0);
    const { session, node, client } = stream.lines[0].connect;
    const send = (...commands: object[]) =>
      post(
        "/emulation",
        JSON.stringify({ session, node, data: commands.map((each) => JSON.stringify(each)).join("\n") }),
      );
    return { stream, session, node, client, send };
  };
  return { server, port, http, errors, post, open, connect };
}

describe("emulation requests", () => {
  it("are answered with 204, executed in order, and answered in the stream", async () => {
    const { connect, server, errors } = await start();
    const { stream, send } = await connect();
    expect((await send({ id: 2, subscribe: { channel: "a" } })).status).toBe(204);
    for (let n = 1; n <= 20; n++)
      await send(
        { id: 100 + n, publish: { channel: "a", data: n } },
        { id: 200 + n, publish: { channel: "a", data: -n } },
      );
    const data = () => stream.lines.flatMap(({ push }) => push?.pub?.data ?? []);
    await stream.until(() => data().length === 40);
    expect(data()).toEqual(Array.from({ length: 20 }, (_, i) => [i + 1, -i - 1]).flat());
    stream.cut();
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(nothing);
    expect(errors).toEqual([]);
  });

  it("address a session by a secret that cannot be guessed or derived from the client id", async () => {
    const { connect, post } = await start();
    const [first, second] = [await connect(), await connect()];
    expect(Buffer.from(first.session, "base64url").length).toBeGreaterThanOrEqual(16);
    expect(new Set([first.session, second.session, first.client, first.node]).size).toBe(4);
    expect(first.node).toBe(second.node);
    const data = '{"id":2,"subscribe":{"channel":"a"}}';
    await post("/emulation", JSON.stringify({ session: first.client, node: first.node, data }));
    await second.send({ id: 2, presence_stats: { channel: "a" } });
    await second.stream.until(() => second.stream.lines.length === 2);
    expect(second.stream.lines[1]).toMatchObject({ id: 2, presence_stats: { num_clients: 0 } });
    expect(first.stream.lines).toHaveLength(1);
  });

  it("get 204 for an ended session, so SDKs wait for the end of their stream", async () => {
    const { connect, server } = await start();
    const { stream, send } = await connect();
    stream.cut();
    await until(() => server.stats().sockets === 0);
    expect((await send({ id: 2, subscribe: { channel: "a" } })).status).toBe(204);
    expect(server.stats()).toMatchObject(nothing);
  });

  it.each([
    ["another node", { session: "x", node: "other", data: "{}" }, 404],
    ["no session", { node: "x", data: "{}" }, 400],
    ["data that is no text", { session: "x", node: "x", data: {} }, 400],
    ["null", null, 400],
    ["nothing", "", 400],
    ["no JSON", "nonsense", 400],
    ["too much", "x".repeat(70_000), 413],
  ])("with %j get an answer that says so", async (_name, body, status) => {
    const { post } = await start();
    const response = await post("/emulation", typeof body === "string" ? body : JSON.stringify(body));
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/^\{"error":\{"code":\d+,"message":"\w+ \w+.*\."\}\}\n$/);
  });

  it("without valid commands end the session with 3501", async () => {
    const { connect, server } = await start();
    const { stream, session, node } = await connect();
    await fetch(`http://127.0.0.1:${server.address.port}/emulation`, {
      method: "POST",
      body: JSON.stringify({ session, node, data: "nonsense" }),
    });
    await stream.ended();
    expect(stream.lines.at(-1)).toMatchObject({ push: { disconnect: { code: 3501 } } });
  });
});

describe("opening a stream", () => {
  it.each([
    ["POST", "/connection/http_stream", "", {}, 400],
    ["POST", "/connection/http_stream", "x".repeat(70_000), {}, 413],
    ["POST", "/connection/sse", "x", { "Content-Type": "application/octet-stream" }, 415],
    ["GET", "/connection/http_stream", undefined, {}, 405],
    ["GET", "/connection/sse", undefined, {}, 400],
    ["GET", "/connection/sse?cf_connect=", undefined, {}, 400],
    ["PUT", "/connection/sse", connectCommand, {}, 405],
    ["GET", "/emulation", undefined, {}, 405],
  ])("%s %s with %.5s and %j gets %i", async (method, path, body, headers, status) => {
    const { http, server } = await start();
    const response = await fetch(http + path, {
      method,
      headers: { Accept: "text/event-stream", ...(headers as Record<string, string>) },
      ...(body !== undefined && { body }),
    });
    expect(response.status).toBe(status);
    expect(await response.text()).toMatch(/^\{"error":\{"code":\d+,"message":"\w+ \w+.*\."\}\}\n$/);
    expect(server.stats()).toMatchObject(nothing);
  });

  it.each([
    ["a publish behind it", `${connectCommand}\n{"id":2,"publish":{"channel":"news","data":1}}`],
    ["an rpc beside it", '{"id":1,"connect":{},"rpc":{"method":"m"}}'],
    [
      "commands in its data",
      '{"id":1,"connect":{"data":\n{"id":2,"publish":{"channel":"news","data":1}}\n}}',
    ],
    ["a publish alone", '{"id":1,"publish":{"channel":"news","data":1}}'],
    ["a list", `[${connectCommand}]`],
  ])(
    "by GET, which a link or an image sends as well, takes one connect command and not %s",
    async (_name, commands) => {
      const { http, server } = await start();
      const get = (text: string, headers: Record<string, string>) =>
        PlainStream.open(`${http}/connection/sse?cf_connect=${encodeURIComponent(text)}`, headers);
      const accept = { Accept: "text/event-stream" };
      expect((await get(commands, accept)).status).toBe(400);
      // What else asks for a stream: programs by mistake, and elements of a page on plain http.
      for (const Accept of ["*/*", "image/avif,image/webp,*/*;q=0.8"])
        expect((await get(connectCommand, { Accept })).status).toBe(406);
      expect((await server.history("news")).publications).toEqual([]);
      expect(server.stats()).toMatchObject(nothing);
      expect((await get(connectCommand, accept)).status).toBe(200);
    },
  );

  it("with another command than connect ends with the reason", async () => {
    const { open, server } = await start();
    const stream = await open('{"id":1,"subscribe":{"channel":"a"}}');
    await stream.ended();
    expect(stream.status).toBe(200);
    expect(stream.lines).toMatchObject([{ push: { disconnect: { code: 3501 } } }]);
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(nothing);
  });

  it("sends the head before authentication, and forgets a client that does not wait", async () => {
    let release = () => {};
    const asked = new Promise<void>((resolve) => {
      release = resolve;
    });
    const slow = defineApp({
      authenticate: async () => {
        await asked;
        return { id: "ann" };
      },
      channels: { "{name}": channel() },
    });
    const { server, http } = await startApp(slow);
    const url = `${http}/connection/sse?cf_connect=${encodeURIComponent(connectCommand)}`;
    const accept = { Accept: "text/event-stream" };
    const [patient, gone] = [await PlainStream.open(url, accept), await PlainStream.open(url, accept)];
    expect([patient.status, patient.text.trim()]).toEqual([200, ""]);
    gone.cut();
    await until(() => server.stats().sockets === 1);
    release();
    expect(await patient.nextEvents(1)).toMatchObject([{ data: { id: 1, connect: { pong: true } } }]);
    expect(server.stats()).toMatchObject({ connections: 1, users: 1 });
  });

  it("works over HTTP/2, with the commands beside it on the same connection", async () => {
    const { port, server } = await start();
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    onTestFinished(() => session.destroy());
    const post = (path: string, body: string) => {
      const stream = session.request({ ":method": "POST", ":path": path });
      stream.setEncoding("utf8");
      stream.end(body);
      return stream;
    };
    const stream = post("/connection/http_stream", connectCommand);
    let text = "";
    stream.on("data", (part) => {
      text += part;
    });
    await until(() => text.endsWith("\n"));
    const { connect } = JSON.parse(text) as Answer;
    const data = '{"id":2,"subscribe":{"channel":"a"}}';
    const answer = post("/emulation", JSON.stringify({ session: connect.session, node: connect.node, data }));
    const [headers] = await once(answer, "response");
    expect(headers).toMatchObject({ ":status": 204 });
    await until(() => text.includes('"id":2'));
    expect(server.stats()).toMatchObject({ subscriptions: 1, sockets: 1 });
    session.destroy();
    await until(() => server.stats().sockets === 0);
    expect(server.stats()).toMatchObject(nothing);
  });

  it("works inside another server, which handles other requests", async () => {
    const server = createServer({ pages: null });
    const http = createHttp((request, response) =>
      server.handler(request, response, () => response.end("the other")),
    );
    await server.attach(http);
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    onTestFinished(async () => {
      await server.close();
      http.closeAllConnections();
      http.close();
    });
    const base = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const stream = await PlainStream.open(`${base}/channels/a/events`);
    expect(await stream.nextEvents(1)).toMatchObject([{ type: "position" }]);
    for (const path of ["/channels", "/channels/a/b/events", "/connection/other"])
      expect(await (await fetch(base + path)).text()).toBe("the other");
  });
});

describe("pages of other origins", () => {
  const origin = "https://app.example";
  const paths = ["/connection/http_stream", "/connection/sse", "/emulation", "/channels/a/events"];

  it.each(paths)("may use %s when allowed, and preflight says so", async (path) => {
    const { http } = await start({ allowedOrigins: [origin] });
    const response = await fetch(http + path, {
      method: "OPTIONS",
      headers: { Origin: origin, "Access-Control-Request-Headers": "content-type,x-mine" },
    });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "access-control-allow-origin": origin,
      "access-control-allow-credentials": "true",
      "access-control-allow-headers": "content-type,x-mine",
      "access-control-allow-methods": expect.stringMatching(/(GET|POST).*OPTIONS/),
      "access-control-max-age": "7200",
      vary: "Origin",
    });
  });

  it.each(paths)("get 403 from %s when not allowed, in preflight and after", async (path) => {
    const { http, server } = await start({ allowedOrigins: [origin] });
    const method = path.startsWith("/channels") ? "GET" : "POST";
    const headers = { Origin: "https://evil.example" };
    for (const each of ["OPTIONS", method]) {
      const response = await fetch(http + path, { method: each, headers });
      expect(response.status).toBe(403);
      expect(response.headers.get("access-control-allow-origin")).toBe(null);
    }
    expect(server.stats()).toMatchObject(nothing);
  });

  it("get 403 when they hide their origin, as images and links do", async () => {
    const { http, server } = await start();
    const url = `${http}/channels/a/events`;
    const image = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors" };
    expect((await PlainStream.open(url, image)).status).toBe(403);
    expect(server.stats()).toMatchObject(nothing);
    expect((await PlainStream.open(url, { ...image, "Sec-Fetch-Mode": "navigate" })).status).toBe(403);
    expect((await PlainStream.open(url, { ...image, "Sec-Fetch-Site": "same-origin" })).status).toBe(200);
    const open = await start({ allowedOrigins: "*" });
    expect((await PlainStream.open(`${open.http}/channels/a/events`, image)).status).toBe(200);
  });

  it("may read streams and errors, without credentials when any origin is allowed", async () => {
    const { open, http } = await start({ allowedOrigins: "*" });
    const stream = await open(connectCommand, { Origin: "https://any.example" });
    expect(stream.headers["access-control-allow-origin"]).toBe("*");
    expect(stream.headers["access-control-allow-credentials"]).toBe(undefined);
    const refused = await fetch(`${http}/channels/a/events?since=x`, {
      headers: { Origin: "https://any.example" },
    });
    expect([refused.status, refused.headers.get("access-control-allow-origin")]).toEqual([400, "*"]);
  });
});

describe("limits", () => {
  it("of connections cover WebSockets and streams together", async () => {
    const { open, port, server } = await start({ maxConnections: 2 });
    const socket = await RawClient.upgrade(port);
    const stream = await open();
    const refused = await open();
    await refused.ended();
    expect([refused.status, refused.headers["retry-after"]]).toEqual([503, "5"]);
    const another = await RawClient.connect(port);
    another.write(upgradeRequest());
    expect(await another.readHead()).toMatch(/^HTTP\/1.1 503 /);
    stream.cut();
    await until(() => server.stats().sockets === 1);
    expect((await open()).status).toBe(200);
    socket.socket.destroy();
  });

  it("of an address cover streams: number and rate", async () => {
    const from = (address: string) => ({ "X-Forwarded-For": address });
    const trustedProxies = ["loopback"];
    const few = await start({ trustedProxies, maxAddressConnections: 1 });
    const first = await few.open(connectCommand, from("203.0.113.9"));
    expect((await few.open(connectCommand, from("203.0.113.9"))).status).toBe(503);
    expect((await few.open(connectCommand, from("203.0.113.8"))).status).toBe(200);
    first.cut();
    await until(() => few.server.stats().sockets === 1);
    expect((await few.open(connectCommand, from("203.0.113.9"))).status).toBe(200);
    const limits = { addressConnectionsPerSecond: 1, addressConnectionBurst: 1 };
    const slow = await start({ trustedProxies, ...limits });
    const plain = () => PlainStream.open(`${slow.http}/channels/a/events`, from("203.0.113.9"));
    expect([(await plain()).status, (await plain()).status]).toEqual([200, 429]);
  });

  it("delay commands sent too fast, without losing any", async () => {
    const { connect } = await start({ bytesPerSecond: 20_000, byteBurst: 10_000 });
    const { stream, send } = await connect();
    await send({ id: 2, subscribe: { channel: "a" } });
    const data = "x".repeat(3000);
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => send({ id: 10 + i, publish: { channel: "a", data } })),
    );
    expect(answers.every(({ status }) => status === 204)).toBe(true);
    await stream.until(() => stream.lines.filter(({ publish }) => publish).length === 10);
  });
});
