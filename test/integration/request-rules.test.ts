/**
 * Every path that a server has, against every way that a browser or a program can ask for it: by rule, with every method,
 * over HTTP/1.1, HTTP/2 and as a WebSocket, on a port of the server's own and attached to Express. A path that is added to
 * the table of routes without a row here fails.
 */
import { once } from "node:events";
import {
  Agent,
  createServer as createHttp,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as sendRequest,
} from "node:http";
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpStatusHeader } from "node:http2";
import type { AddressInfo } from "node:net";
import express from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { findRoute, type RouteName, routes } from "../../packages/holdfast/src/http/router.js";
import { channel, createServer, defineApp } from "../../packages/holdfast/src/index.js";

const apiKey = "a key for the table of rules";
const admitted = "https://app.example";
const connectCommand = '{"id":1,"connect":{}}';
const events = "text/event-stream";
const window = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

type Fields = Readonly<Record<string, string>>;

interface Row {
  readonly path: string;
  /** What a program sends that means it. */
  readonly headers?: Fields;
  readonly body?: string;
}

/** Rows of a route that has another already. */
const moreRows = {
  landingPage: "rest",
  httpStreamOfBytes: "httpStream",
  oneWayHttpStreamOfBytes: "oneWayHttpStream",
  emulationOfBytes: "emulation",
  webSocketOfBytes: "webSocket",
} as const satisfies Record<string, RouteName>;

/** At least one for each route, and the landing page of a server without pages. */
type RowName = RouteName | keyof typeof moreRows;

const bytes = { "content-type": "application/octet-stream" };

const rows: Readonly<Record<RowName, Row>> = {
  webSocket: { path: "/connection/websocket" },
  oneWayWebSocket: { path: "/connection/uni_websocket" },
  httpStream: { path: "/connection/http_stream", body: connectCommand },
  sse: {
    path: `/connection/sse?cf_connect=${encodeURIComponent(connectCommand)}`,
    headers: { accept: events },
    body: connectCommand,
  },
  oneWayHttpStream: { path: "/connection/uni_http_stream", body: "{}" },
  oneWaySse: { path: "/connection/uni_sse", headers: { accept: events }, body: "{}" },
  emulation: { path: "/emulation", body: '{"session":"s","node":"n","data":"{}"}' },
  events: { path: "/channels/news/events", headers: { accept: events } },
  channel: { path: "/channels/news", headers: { "content-type": "application/json" }, body: "1" },
  openApi: { path: "/api/openapi.json" },
  api: { path: "/api/info", headers: { "x-api-key": apiKey }, body: "{}" },
  metrics: { path: "/metrics", headers: { "x-api-key": apiKey } },
  console: { path: "/console/" },
  health: { path: "/health" },
  live: { path: "/health/live" },
  rest: { path: "/no/such/page" },
  landingPage: { path: "/", headers: { accept: "text/html" } },
  // Protobuf, in which all of this is ASCII: a connect command, a name, and an envelope with an empty command.
  httpStreamOfBytes: { path: "/connection/http_stream", headers: bytes, body: "\x04\x08\x01\x22\x00" },
  oneWayHttpStreamOfBytes: { path: "/connection/uni_http_stream", headers: bytes, body: "\x22\x01n" },
  emulationOfBytes: { path: "/emulation", headers: bytes, body: "\x0a\x01n\x12\x01s\x1a\x01\x00" },
  webSocketOfBytes: { path: "/connection/websocket?cf_protocol=protobuf" },
};

interface Situation {
  readonly headers: Fields;
  /** Of the page: undefined for a program, which no rule is about. */
  readonly is:
    | "program"
    | "own page"
    | "allowed page"
    | "foreign page"
    | "rebound"
    | "link"
    | "shown here"
    | "typed";
}

const situations: Readonly<Record<string, Situation>> = {
  "no Origin, no Sec-Fetch": { headers: {}, is: "program" },
  "the same Origin": { headers: { origin: "http://HOST" }, is: "own page" },
  "same-origin without an Origin": {
    headers: { "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors", "sec-fetch-dest": "empty" },
    is: "own page",
  },
  "an Origin that is allowed": {
    headers: { origin: admitted, "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
    is: "allowed page",
  },
  "a foreign Origin": { headers: { origin: "https://evil.example" }, is: "foreign page" },
  "a foreign Origin with Sec-Fetch": {
    headers: { origin: "https://evil.example", "sec-fetch-site": "cross-site", "sec-fetch-mode": "cors" },
    is: "foreign page",
  },
  "Origin null": { headers: { origin: "null" }, is: "foreign page" },
  "same-site without an Origin": {
    headers: { "sec-fetch-site": "same-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty" },
    is: "foreign page",
  },
  "cross-site without an Origin": {
    headers: { "sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors", "sec-fetch-dest": "empty" },
    is: "foreign page",
  },
  "same-site with an Origin": {
    headers: { origin: "https://other.app.example", "sec-fetch-site": "same-site", "sec-fetch-mode": "cors" },
    is: "foreign page",
  },
  "a foreign Host": { headers: { host: "evil.example" }, is: "rebound" },
  "a foreign Host with its own Origin": {
    headers: { host: "evil.example", origin: "http://evil.example" },
    is: "rebound",
  },
  "a foreign Host, same-origin": {
    headers: { host: "evil.example", "sec-fetch-site": "same-origin", "sec-fetch-mode": "cors" },
    is: "rebound",
  },
  "a link of another site": {
    headers: {
      accept: window,
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
    is: "link",
  },
  "a frame of the same site": {
    headers: {
      accept: window,
      "sec-fetch-site": "same-site",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "iframe",
    },
    is: "link",
  },
  "an image of another site": {
    headers: {
      accept: "image/*,*/*;q=0.8",
      "sec-fetch-site": "cross-site",
      "sec-fetch-mode": "no-cors",
      "sec-fetch-dest": "image",
    },
    is: "link",
  },
  "an image of the same origin": {
    headers: {
      accept: "image/*,*/*;q=0.8",
      "sec-fetch-site": "same-origin",
      "sec-fetch-mode": "no-cors",
      "sec-fetch-dest": "image",
    },
    is: "shown here",
  },
  "an address that was typed": {
    headers: {
      accept: window,
      "sec-fetch-site": "none",
      "sec-fetch-mode": "navigate",
      "sec-fetch-dest": "document",
    },
    is: "typed",
  },
  "a window without Sec-Fetch": { headers: { accept: window }, is: "typed" },
};

const methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] as const;
type Method = (typeof methods)[number];

type Outcome = "refused" | "not this method" | "answered" | "as nobody" | "options";

function routeOf(name: RowName): RouteName {
  return name in moreRows ? moreRows[name as keyof typeof moreRows] : (name as RouteName);
}

/** The rule, said once more and in other words than in the code. */
function expected(name: RowName, { is }: Situation, method: Method): Outcome {
  const { rule, methods: own } = routes[routeOf(name)];
  const isRead = method === "GET" || method === "HEAD" || method === "OPTIONS";
  const isShown = is === "shown here" || is === "typed" || is === "link";
  const isForeign = is === "foreign page" || is === "link";
  const answer = (): Outcome => {
    if (method === "OPTIONS") return "options";
    return (own as readonly string[]).includes(method) ? "answered" : "not this method";
  };
  // Nothing of anybody stands there.
  if (rule.audience === "anyone") return answer();
  if (is === "rebound") return "refused";
  // Links lead to pages, and elements show them; what changes something comes from pages that may.
  if (rule.audience === "visitors") return isForeign && !isRead ? "refused" : answer();
  if (isForeign) return "refused";
  if (!isShown) return answer();
  const mayShow = "mayBeDisplayed" in rule && rule.mayBeDisplayed && isRead;
  if (!mayShow) return "refused";
  return answer() === "answered" ? "as nobody" : answer();
}

interface Seen {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
}

interface Asked {
  readonly path: string;
  readonly method: string;
  readonly headers: Fields;
  readonly body?: string | undefined;
}

type Ask = (asked: Asked) => Promise<Seen>;

const cookie = "session=1";
/** Cookies that those who find out who somebody is have been shown. */
const shown: (string | undefined)[] = [];
const app = defineApp({
  authenticate: ({ headers }) => {
    shown.push(headers.cookie);
    return { id: "ann" };
  },
  channels: { "{name}": channel({ allow: { publish: true, history: true } }) },
});
const options = { port: 0, pages: null, apiKeys: [apiKey], allowedOrigins: [admitted] };

/** Over HTTP/1.1, of which the head is enough. */
function askHttp1(port: number, agent: Agent): Ask {
  return ({ path, method, headers, body }) =>
    new Promise((resolve, reject) => {
      const request = sendRequest({ port, host: "127.0.0.1", path, method, headers, agent });
      const see = ({ statusCode = 0, headers: fields }: IncomingMessage) =>
        resolve({ status: statusCode, headers: fields });
      request.on("response", (response) => {
        see(response);
        // What goes on is cut, and what ends leaves its connection to others.
        if (response.headers["content-type"] === events || isStream(method, path)) response.destroy();
        else response.resume();
      });
      request.on("upgrade", (response, socket) => {
        socket.destroy();
        see(response);
      });
      request.on("error", reject);
      request.end(body);
    });
}

/** Over one connection, for as long as the server keeps it. */
function askHttp2(port: number): { readonly ask: Ask; readonly end: () => void } {
  let session: ClientHttp2Session | undefined;
  const connected = async (): Promise<ClientHttp2Session> => {
    if (session && !session.closed && !session.destroyed) return session;
    session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    // An extended CONNECT may be sent once the server has said that it takes them.
    await once(session, "remoteSettings");
    return session;
  };
  const ask: Ask = async ({ path, method, headers: { host, ...headers }, body }) => {
    const open = await connected();
    const pseudo = { ":method": method, ":path": path, ":authority": host };
    const stream = open.request(
      { ...pseudo, ...headers },
      { endStream: body === undefined && method !== "CONNECT" },
    );
    if (body !== undefined) stream.end(body);
    const [{ ":status": status = 0, ...fields }] = (await once(stream, "response")) as [
      IncomingHttpStatusHeader & IncomingHttpHeaders,
    ];
    const goesOn = status === 200 && (fields["content-type"] === events || isStream(method, path));
    if (goesOn) stream.close();
    else stream.resume();
    return { status, headers: fields as IncomingHttpHeaders };
  };
  return { ask, end: () => session?.destroy() };
}

/** Whose answer goes on, though it does not say so by its type. */
function isStream(method: string, path: string): boolean {
  return method === "CONNECT" || path === rows.httpStream.path || path === rows.oneWayHttpStream.path;
}

interface Place {
  readonly port: number;
  readonly http1: Ask;
  readonly http2?: Ask;
}

const places: Record<"listening" | "in Express", Place> = {} as never;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const listening = createServer(app, options);
  const { port } = await listening.listen();
  const http2 = askHttp2(port);
  places.listening = { port, http1: askHttp1(port, agent), http2: http2.ask };

  const attached = createServer(app, options);
  const http = createHttp(express().use(attached.handler));
  await attached.attach(http);
  http.listen(0, "127.0.0.1");
  await once(http, "listening");
  const attachedPort = (http.address() as AddressInfo).port;
  places["in Express"] = { port: attachedPort, http1: askHttp1(attachedPort, agent) };
  ends.push(
    () => agent.destroy(),
    () => http2.end(),
    () => listening.close(),
    () => attached.close(),
    () => http.close(),
  );
});

afterAll(async () => {
  for (const end of ends) await end();
});

function fieldsOf(situation: Situation, port: number, row: Row): Fields {
  const own = `127.0.0.1:${port}`;
  const fields: Record<string, string> = { host: own, cookie, ...row.headers, ...situation.headers };
  if (fields.origin === "http://HOST") fields.origin = `http://${own}`;
  return fields;
}

/** Whose permission it is that a page reads an answer. */
function expectCors(
  name: RowName,
  situation: Situation,
  outcome: Outcome,
  headers: IncomingHttpHeaders,
): void {
  const { origin } = situation.headers;
  const isTold =
    outcome !== "refused" && routes[routeOf(name)].rule.audience === "clients" && origin !== undefined;
  const named = origin === "http://HOST" ? expect.stringMatching(/^http:\/\/127/) : origin;
  expect(headers["access-control-allow-origin"]).toEqual(isTold ? named : undefined);
  if (outcome === "options" && isTold) expect(headers["access-control-allow-methods"]).toContain("OPTIONS");
}

async function check(
  ask: Ask,
  port: number,
  name: RowName,
  situation: Situation,
  method: Method,
): Promise<void> {
  const row = rows[name];
  const outcome = expected(name, situation, method);
  const takesBody = method === "POST" || method === "PUT" || method === "PATCH";
  shown.length = 0;
  const { status, headers } = await ask({
    path: row.path,
    method,
    headers: fieldsOf(situation, port, row),
    body: takesBody ? (row.body ?? "") : undefined,
  });
  if (outcome === "refused") expect(status).toBe(403);
  else if (outcome === "options")
    expect([status, headers.allow]).toEqual([204, expect.stringContaining("OPTIONS")]);
  else if (outcome === "not this method") expect([status, headers.allow]).toEqual([405, expect.any(String)]);
  else expect([403, 405, 406]).not.toContain(status);
  // Before anything is done, and with nothing that the page has not put there itself.
  if (outcome === "answered") expect(shown.every((each) => each === cookie)).toBe(true);
  else expect(shown.every((each) => each === undefined)).toBe(true);
  if (outcome === "as nobody") expect(shown).toHaveLength(1);
  expectCors(name, situation, outcome, headers);
}

it("table has a row for each path", () => {
  expect(Object.keys(rows).sort()).toEqual([...Object.keys(routes), ...Object.keys(moreRows)].sort());
  for (const [name, { path }] of Object.entries(rows))
    expect(findRoute(path.split("?")[0] as string)).toBe(routeOf(name as RowName));
});

const cases = Object.keys(rows).flatMap((name) =>
  Object.keys(situations).map((situation) => [name as RowName, situation] as const),
);

describe.each([
  ["listening", "http1"],
  ["listening", "http2"],
  ["in Express", "http1"],
] as const)("server %s, %s", (place, version) => {
  it.each(cases)("%s from %s", async (name, situation) => {
    // What is none of this server's is Express's own to answer.
    if (place === "in Express" && routeOf(name) === "rest") return;
    const { port, [version]: ask } = places[place] as Required<Place>;
    for (const method of methods)
      await check(ask, port, name, situations[situation] as Situation, method).catch((cause: unknown) => {
        throw new Error(`${method}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
  });
});

describe.each([
  ["listening", "upgrade"],
  ["listening", "extended CONNECT"],
  ["in Express", "upgrade"],
] as const)("WebSocket, server %s, by %s", (place, way) => {
  it.each(Object.keys(situations))("from %s", async (name) => {
    const situation = situations[name] as Situation;
    const { port, http1, http2 } = places[place] as Required<Place>;
    const fields = fieldsOf(situation, port, { path: "" });
    const path = rows.webSocket.path;
    const handshake = { "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
    const seen =
      way === "upgrade"
        ? await http1({
            path,
            method: "GET",
            headers: { ...fields, ...handshake, connection: "upgrade", upgrade: "websocket" },
          })
        : await http2({
            path,
            method: "CONNECT",
            headers: {
              ...fields,
              "sec-websocket-version": "13",
              ":protocol": "websocket",
              ":scheme": "http",
            },
          });
    const opened = way === "upgrade" ? 101 : 200;
    expect(seen.status).toBe(expected("webSocket", situation, "GET") === "answered" ? opened : 403);
  });
});
