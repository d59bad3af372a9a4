/**
 * A running server, and peers over HTTP/2 that ask for anything or send frames of any kind: each request has an answer or an
 * end, the process goes on, somebody beside them is served, and nothing of them is left.
 */
import { type ClientHttp2Session, connect } from "node:http2";
import { connect as connectTcp } from "node:net";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { jwt } from "../../packages/holdfast/src/index.js";
import { apiKey, secret, startApp, tokenOf } from "../../packages/holdfast/test/support/app-server.js";
import { createFuzzApp, isOwnFault } from "../../packages/holdfast/test/support/fuzz/app.js";
import { fuzzRuns, fuzzSeed } from "../../packages/holdfast/test/support/fuzz/seed.js";
import { until } from "../../packages/holdfast/test/support/server.js";

const runs = 100;

const methods = ["GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "CONNECT", "get", "X-Y"];
const names = ["open:a", "map:a", "latest:b", "shut:a", "unheard-of", "%", "%2e%2e", "a%00b", ""];
const paths = [
  ...[
    "/",
    "*",
    "/health",
    "/metrics",
    "/api",
    "/api/publish",
    "/api/batch",
    "/api/openapi.json",
    "/emulation",
  ],
  ...["/connection/websocket", "/connection/http_stream", "/connection/sse", "/connection/uni_sse"],
  ...names.flatMap((name) => [`/channels/${name}`, `/channels/${name}/events`]),
];
const queries = [
  "",
  "?",
  "?since=e:1",
  "?limit=-1",
  "?wait=0s",
  "?cf_connect={}",
  "?key=a",
  "?%",
  "?token=x&token=y",
];
const token = tokenOf({ sub: "ann" });
const header = fc.oneof(
  fc.constantFrom<readonly [string, string]>(
    ["authorization", `Bearer ${token}`],
    ["authorization", "Bearer x"],
    ["x-api-key", apiKey],
    ["content-type", "application/json"],
    ["accept", "text/event-stream"],
    ["accept", "application/x-ndjson"],
    ["accept-encoding", "gzip;q=x, *"],
    ["origin", "null"],
    ["origin", "http://elsewhere.example"],
    ["last-event-id", ":0"],
    ["idempotency-key", ""],
    ["forwarded", 'for="[::1]:x";host=";'],
    ["if-none-match", '*, W/"'],
    ["content-length", "5"],
    ["sec-websocket-version", "12"],
    [":protocol", "websocket"],
    [":protocol", "other"],
    [":scheme", "ftp"],
    [":authority", "elsewhere.example"],
  ),
  fc.tuple(
    fc.stringMatching(/^x-[a-z]{1,8}$/),
    fc.stringMatching(/^[\x20-\x7e]{0,40}$/).map((text) => text.trim()),
  ),
);
const body: fc.Arbitrary<string | Uint8Array> = fc.oneof(
  fc.constantFrom(
    "",
    "{}",
    "[]",
    "1",
    '{"id":1,"connect":{}}',
    '{"channel":"open:a","data":1}',
    '{"method":"info"}',
  ),
  fc.constantFrom(
    '{"commands":[{"publish":{}}]}',
    '{"session":"a","node":"b","data":"{}"}',
    `{"token":"${token}"}`,
  ),
  fc.uint8Array({ maxLength: 200 }),
);
const request: fc.Arbitrary<Request> = fc.record({
  method: fc.constantFrom(...methods),
  path: fc.tuple(fc.constantFrom(...paths), fc.constantFrom(...queries)).map((parts) => parts.join("")),
  headers: fc.array(header, { maxLength: 5 }),
  body,
  isReset: fc.boolean(),
});

interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string | Uint8Array;
  /** Whether it is taken back at once. */
  readonly isReset: boolean;
}

/** Sends a request, and resolves when it has an answer or an end. @returns the status; 0 for none */
async function ask(
  session: ClientHttp2Session,
  { method, path, headers, body, isReset }: Request,
): Promise<number> {
  return await new Promise((resolve) => {
    try {
      const fields = { ...Object.fromEntries(headers), ":method": method, ":path": path };
      const stream = session.request(fields, { endStream: false });
      stream.on("response", ({ ":status": status }) => {
        // A response that goes on is left.
        stream.close();
        resolve(Number(status));
      });
      stream.on("error", () => resolve(0));
      stream.on("close", () => resolve(0));
      stream.resume();
      stream.end(body);
      if (isReset) stream.close();
    } catch {
      // What this client itself sends for nobody.
      resolve(0);
    }
  });
}

async function openSession(http: string): Promise<ClientHttp2Session> {
  const session = connect(http);
  session.on("error", () => {});
  await new Promise((resolve) => session.once("remoteSettings", resolve));
  return session;
}

/** RFC 9113 §4.1. */
const frame = fc
  .record({
    type: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.nat({ max: 255 })),
    flags: fc.nat({ max: 255 }),
    stream: fc.oneof(fc.constantFrom(0, 1, 2, 3, 0x7fff_ffff), fc.nat({ max: 0x7fff_ffff })),
    payload: fc.uint8Array({ maxLength: 64 }),
    /** By how much the length lies. */
    lie: fc.oneof(
      { weight: 9, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.nat({ max: 40_000 }) },
    ),
  })
  .map(({ type, flags, stream, payload, lie }) => {
    const bytes = Buffer.alloc(9 + payload.length);
    bytes.writeUIntBE(payload.length + lie, 0, 3);
    bytes.writeUInt8(type, 3);
    bytes.writeUInt8(flags, 4);
    bytes.writeUInt32BE(stream, 5);
    bytes.set(payload, 9);
    return bytes;
  });
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
const emptySettings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

/** Sends frames, and goes away once the server has taken the last of them or has ended the connection. */
async function sendFrames(port: number, frames: readonly Uint8Array[]): Promise<void> {
  const socket = connectTcp(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.resume();
  await new Promise((resolve) => {
    socket.once("close", resolve);
    // Its own settings come first, so what was sent before them is read by then.
    socket.once("data", () => socket.write(emptySettings, () => socket.destroy()));
    socket.write(Buffer.concat([preface, emptySettings, ...frames]));
  });
}

async function start() {
  const running = await startApp(createFuzzApp(jwt({ secret })), { hookTimeoutMs: 30 });
  const witness = await openSession(running.http);
  onTestFinished(() => witness.destroy());
  const check = async () => {
    const health = { method: "GET", path: "/health", headers: [], body: "", isReset: false };
    expect(await ask(witness, health)).toBe(200);
  };
  await check();
  const idle = running.server.stats();
  const assertNothingLeft = async () => {
    const sizes = ({ connections, subscriptions, sockets }: typeof idle) =>
      JSON.stringify({ connections, subscriptions, sockets });
    await until(() => sizes(running.server.stats()) === sizes(idle));
    expect(running.errors.filter((error) => !isOwnFault(error))).toEqual([]);
  };
  return { ...running, check, assertNothingLeft };
}

describe("peers over HTTP/2", () => {
  // With 2, requests are reset whose body nobody has read, at a moment that left their sessions behind.
  it.each([fuzzSeed(), 2])("sending arbitrary requests get an answer, from seed %i", async (seed) => {
    const { http, check, assertNothingLeft } = await start();
    const property = fc.asyncProperty(fc.array(request, { minLength: 1, maxLength: 8 }), async (requests) => {
      const session = await openSession(http);
      const statuses = await Promise.all(requests.map((each) => ask(session, each)));
      session.destroy();
      expect(statuses).not.toContain(500);
      await check();
    });
    await fc.assert(property, { ...fuzzRuns(runs), seed });
    await assertNothingLeft();
  });

  it("sending arbitrary frames are closed, without effect on others", async () => {
    const { port, check, assertNothingLeft } = await start();
    const peers = fc.array(fc.array(frame, { maxLength: 12 }), { minLength: 4, maxLength: 8 });
    const property = fc.asyncProperty(peers, async (all) => {
      await Promise.all(all.map((frames) => sendFrames(port, frames)));
      await check();
    });
    await fc.assert(property, fuzzRuns(runs));
    await assertNothingLeft();
  });
});
