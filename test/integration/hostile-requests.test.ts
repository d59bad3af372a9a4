/**
 * Peers that never read their answers, never end their bodies, or do either a byte at a time: on every path, over both
 * versions of HTTP, with TLS and without, each is let go of in time, and others are served meanwhile.
 */
import { mkdtempSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { describe, expect, it, onTestFinished } from "vitest";
import { type RouteName, routes } from "../../packages/holdfast/src/http/router.js";
import type { ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  frame,
  frameTypes,
  RawHttp2,
  type RawRequest,
} from "../../packages/holdfast/test/support/raw-http2.js";
import { type RunningServer, startServer, until } from "../../packages/holdfast/test/support/server.js";
import { testTls } from "../../packages/holdfast/test/support/tls.js";

interface Row extends RawRequest {
  readonly body?: string;
}

const json = { "content-type": "application/json", "x-api-key": "key-of-the-tests" };
const bytes = { "content-type": "application/octet-stream" };
const connectAndRead = '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"flood"}}';
const rows: Readonly<Record<RouteName | "route", Row>> = {
  webSocket: { method: "GET", path: "/connection/websocket" },
  oneWayWebSocket: { method: "GET", path: "/connection/uni_websocket" },
  httpStream: {
    method: "POST",
    path: "/connection/http_stream",
    headers: json,
    body: connectAndRead,
  },
  sse: { method: "POST", path: "/connection/sse", headers: json, body: connectAndRead },
  oneWayHttpStream: {
    method: "POST",
    path: "/connection/uni_http_stream",
    headers: json,
    body: '{"subs":{"flood":{}}}',
  },
  oneWaySse: {
    method: "POST",
    path: "/connection/uni_sse",
    headers: json,
    body: '{"subs":{"flood":{}}}',
  },
  emulation: {
    method: "POST",
    path: "/emulation",
    headers: json,
    body: '{"session":"none","node":"none","data":"{}"}',
  },
  metrics: { method: "GET", path: "/metrics", headers: json },
  console: { method: "GET", path: "/console/" },
  health: { method: "GET", path: "/health" },
  live: { method: "GET", path: "/health/live" },
  openApi: { method: "GET", path: "/api/openapi.json" },
  api: { method: "POST", path: "/api/info", headers: json, body: "{}" },
  events: { method: "GET", path: "/channels/flood/events" },
  channel: { method: "POST", path: "/channels/news", headers: json, body: '{"text":"hello"}' },
  rest: { method: "GET", path: "/" },
  route: { method: "POST", path: "/own", body: "{}" },
};
const requests = [
  ...Object.values(rows),
  { method: "GET", path: "/channels/news?since=:0" },
  { method: "GET", path: "/channels/news?since=:99&wait=60s" },
  { method: "POST", path: "/nowhere", headers: json, body: "{}" },
  // Protobuf, in which all of this is ASCII: connect and subscribe, a subscription, and an envelope with an empty command.
  {
    method: "POST",
    path: "/connection/http_stream",
    headers: bytes,
    body: "\x04\x08\x01\x22\x00\x0b\x08\x02\x2a\x07\x0a\x05flood",
  },
  {
    method: "POST",
    path: "/connection/uni_http_stream",
    headers: bytes,
    body: "\x1a\x09\x0a\x05flood\x12\x00",
  },
  {
    method: "POST",
    path: "/emulation",
    headers: bytes,
    body: "\x0a\x04none\x12\x04none\x1a\x01\x00",
  },
  { method: "GET", path: "/connection/websocket?cf_protocol=protobuf" },
];

/** Times short enough for a test. */
const options: ServerOptions = {
  apiKeys: ["key-of-the-tests"],
  closeTimeoutMs: 500,
  maxWaitMs: 500,
  requests: { bodyTimeoutMs: 500, responseTimeoutMs: 500 },
  connectTimeoutMs: 1000,
  pingIntervalMs: 1000,
  pongTimeoutMs: 500,
  stallTimeoutMs: 600,
  routes: ({ url }, response) => {
    if (url === "/own") response.end("x".repeat(200_000));
    return url === "/own";
  },
};

const carriers = [
  { isHttp2: false, isSecure: false },
  { isHttp2: false, isSecure: true },
  { isHttp2: true, isSecure: false },
  { isHttp2: true, isSecure: true },
];

async function start(isSecure: boolean): Promise<RunningServer> {
  const pages = mkdtempSync(join(tmpdir(), "pages-"));
  writeFileSync(join(pages, "index.html"), `<p>${"x".repeat(100_000)}</p>`);
  return startServer({ ...options, pages, ...(isSecure && { tls: testTls }) });
}

/** One connection that sends what it is told, and leaves unread what comes. */
async function connectSilent(port: number, isSecure: boolean): Promise<Socket> {
  const socket = isSecure
    ? connectTls({ port, host: "127.0.0.1", ca: testTls.cert, servername: "localhost" })
    : connect(port, "127.0.0.1");
  socket.on("error", () => {});
  onTestFinished(() => void socket.destroy());
  await new Promise((resolve) => socket.once(isSecure ? "secureConnect" : "connect", resolve));
  socket.pause();
  return socket;
}

function headOf({ method, path, headers = {} }: Row, contentLength: number): string {
  const fields = Object.entries({ Host: "localhost", ...headers, "Content-Length": String(contentLength) });
  return `${method} ${path} HTTP/1.1\r\n${fields.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

function every(ms: number, act: () => void): void {
  const timer = setInterval(act, ms);
  onTestFinished(() => clearInterval(timer));
}

/** What a peer does wrong. */
type Fault = "never reads" | "reads a byte at a time" | "never ends" | "sends a byte at a time";

async function misbehave(fault: Fault, port: number, { isHttp2, isSecure }: (typeof carriers)[number]) {
  for (const row of requests as readonly Row[]) {
    const { body = "" } = row;
    const endsBody = fault === "never reads" || fault === "reads a byte at a time";
    if (isHttp2) {
      const peer = await RawHttp2.connect(port, { isSecure, windowBytes: endsBody ? 0 : 65_535 });
      const { stream, bytes } = peer.request(row, { ends: endsBody && body === "" });
      peer.write(bytes);
      if (endsBody && body !== "") peer.write(frame(frameTypes.data, 1, stream, Buffer.from(body)));
      if (fault === "reads a byte at a time") every(50, () => peer.allow(stream, 1));
      if (fault === "sends a byte at a time")
        every(50, () => peer.write(frame(frameTypes.data, 0, stream, Buffer.from(" "))));
    } else {
      const socket = await connectSilent(port, isSecure);
      socket.write(headOf(row, endsBody ? Buffer.byteLength(body) : 10_000));
      if (endsBody) socket.write(body);
      if (fault === "reads a byte at a time") every(50, () => socket.read(1));
      if (fault === "sends a byte at a time") every(50, () => socket.write(" "));
      if (!endsBody) socket.resume();
    }
  }
}

async function isServed(port: number, isSecure: boolean): Promise<boolean> {
  const socket = await connectSilent(port, isSecure);
  socket.write("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
  let answer = "";
  for await (const part of socket) answer += part;
  return answer.startsWith("HTTP/1.1 200 ");
}

describe.each(carriers)("over HTTP/2 $isHttp2, with TLS $isSecure", (carrier) => {
  it.each<Fault>(["never reads", "reads a byte at a time", "never ends", "sends a byte at a time"])(
    "a peer that %s is let go of, whatever it asks for",
    async (fault) => {
      expect(Object.keys(rows)).toEqual(expect.arrayContaining(Object.keys(routes)));
      const { server, port } = await start(carrier.isSecure);
      await misbehave(fault, port, carrier);
      // More than the system takes from a peer's answers.
      const data = "x".repeat(60_000);
      every(5, () => void (server.stats().sockets > 0 && server.publish("flood", data)));
      expect(await isServed(port, carrier.isSecure)).toBe(true);
      expect(server.stats().openRequests).toBeGreaterThan(0);
      await until(() => {
        const { openRequests, bodyBytes, responseBytes, sockets, requests } = server.stats();
        return openRequests + bodyBytes + responseBytes + sockets + requests === 0;
      });
      expect(await isServed(port, carrier.isSecure)).toBe(true);
    },
    20_000,
  );
});
