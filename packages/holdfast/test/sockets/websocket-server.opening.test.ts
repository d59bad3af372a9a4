/** Who may open a WebSocket, with which subprotocol, and how many may. */
import { describe, expect, it } from "vitest";
import type { Refusal, WebSocketServerOptions } from "../../src/websocket.js";
import { clientFrame, RawClient, until, upgradeRequest } from "../support/server.js";
import { startSockets, WsClient } from "./support/servers.js";

async function requestTo(port: number, fields: Record<string, string> = {}): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(upgradeRequest(fields));
  return client.readToEnd();
}

type Authorize = NonNullable<WebSocketServerOptions["authorize"]>;

describe("authorize", () => {
  it("refuses with its status, sentence and fields, and admits with nothing", async () => {
    const { port, url, sockets } = await startSockets({
      authorize: ({ headers }) =>
        headers.origin === "http://good"
          ? undefined
          : { status: 403, message: "Not from there.", headers: { "X-Why": "origin" } },
    });
    const answer = await requestTo(port, { Origin: "http://evil" });
    expect(answer).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n/);
    expect(answer).toContain("X-Why: origin\r\n");
    expect(answer).toMatch(/\r\n\r\nNot from there\.\n$/);
    expect(sockets).toEqual([]);
    const client = await WsClient.open(url, [], { origin: "http://good" });
    expect(await client.ask("hello")).toBe("hello");
  });

  it("may take its time; bytes that come meanwhile are kept", async () => {
    let admit: (refusal?: Refusal) => void = () => {};
    const { url, sockets } = await startSockets({
      authorize: () =>
        new Promise((resolve) => {
          admit = resolve;
        }),
    });
    const { port } = new URL(url);
    const client = await RawClient.connect(Number(port));
    client.write(Buffer.concat([Buffer.from(upgradeRequest()), clientFrame(0x1, "early")]));
    client.write(clientFrame(0x1, "too"));
    await until(() => String(admit) !== "() => {}");
    expect(sockets).toEqual([]);
    admit();
    await client.readHead();
    expect((await client.readFrame()).payload.toString()).toBe("early");
    expect((await client.readFrame()).payload.toString()).toBe("too");
  });

  it("refuses after a while, too", async () => {
    const { port } = await startSockets({
      authorize: async () => ({
        status: 401,
        message: "Who are you?",
        headers: { "WWW-Authenticate": "Bearer" },
      }),
    });
    const answer = await requestTo(port);
    expect(answer).toMatch(/^HTTP\/1\.1 401 /);
    expect(answer).toContain("WWW-Authenticate: Bearer\r\n");
  });

  const failing: readonly [string, Authorize, RegExp][] = [
    [
      "throws",
      () => {
        throw new Error("no database");
      },
      /no database/,
    ],
    ["rejects", () => Promise.reject(new Error("no database")), /no database/],
    ["returns true", (() => true) as unknown as Authorize, /authorize must return undefined, or a status/],
    ["returns a status of success", () => ({ status: 200, message: "ok" }), /from 400 to 599/],
    [
      "resolves with a string",
      (async () => "403") as unknown as Authorize,
      /authorize must return undefined/,
    ],
    ["returns null", (() => null) as unknown as Authorize, /./],
    ["never decides", () => new Promise(() => {}), /did not decide within 200 ms/],
  ];

  it.each(failing)("that %s refuses with 500 and tells onError", async (_name, authorize, message) => {
    const { port, errors, server } = await startSockets({ authorize, handshakeTimeoutMs: 200 });
    expect(await requestTo(port)).toMatch(/^HTTP\/1\.1 500 /);
    expect(errors).toEqual([{ stage: "opening a WebSocket", message: expect.stringMatching(message) }]);
    expect(server.connections.size).toBe(0);
  });

  it("cannot put fields into the answer by line breaks", async () => {
    const { port } = await startSockets({
      authorize: () => ({ status: 403, message: "no", headers: { "X-A": "a\r\nX-B: b" } }),
    });
    expect(await requestTo(port)).toMatch(/^HTTP\/1\.1 500 (?![\s\S]*X-B)/);
  });

  it("is not asked again, and admits no client, when the client has gone meanwhile", async () => {
    let calls = 0;
    let admit: () => void = () => {};
    const { port, sockets, errors, server } = await startSockets({
      authorize: () => {
        calls++;
        return new Promise((resolve) => {
          admit = () => resolve(undefined);
        });
      },
    });
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    await until(() => calls === 1);
    client.socket.resetAndDestroy();
    await until(() => client.hasClosed);
    admit();
    const second = await RawClient.connect(port);
    second.write(upgradeRequest());
    await until(() => calls === 2);
    admit();
    await second.readHead();
    // What was admitted but is gone is let go of.
    await until(() => server.connections.size === 1);
    expect(errors).toEqual([]);
    expect(sockets.length).toBeLessThanOrEqual(2);
  });
});

describe("chooseProtocol", () => {
  it("is given what was offered, and its choice is told to both", async () => {
    const offers: unknown[] = [];
    const { url, sockets } = await startSockets({
      chooseProtocol: (offered) => {
        offers.push(offered);
        return "b";
      },
    });
    const client = await WsClient.open(url, ["a", "b"]);
    expect(client.socket.protocol).toBe("b");
    expect(sockets[0]?.protocol).toBe("b");
    expect(offers).toEqual([["a", "b"]]);
  });

  it("may choose none", async () => {
    const { port, sockets } = await startSockets({ chooseProtocol: () => undefined });
    const client = await RawClient.connect(port);
    client.write(upgradeRequest({ "Sec-WebSocket-Protocol": "a" }));
    const head = await client.readHead();
    expect(head).toMatch(/^HTTP\/1\.1 101 /);
    expect(head).not.toMatch(/Sec-WebSocket-Protocol/i);
    expect(sockets[0]?.protocol).toBe("");
  });

  it.each<[string, () => string]>([
    [
      "throws",
      () => {
        throw new Error("no idea");
      },
    ],
    ["chooses what was not offered", () => "c"],
  ])("that %s refuses with 500 and tells onError", async (_name, chooseProtocol) => {
    const { port, errors, server } = await startSockets({ chooseProtocol });
    expect(await requestTo(port, { "Sec-WebSocket-Protocol": "a, b" })).toMatch(/^HTTP\/1\.1 500 /);
    expect(errors.map(({ stage }) => stage)).toEqual(["opening a WebSocket"]);
    expect(server.connections.size).toBe(0);
  });
});

describe("maxConnections", () => {
  it("refuses further ones with 503, until one has gone", async () => {
    const { port, url, server } = await startSockets({ maxConnections: 1 });
    const first = await WsClient.open(url);
    const answer = await requestTo(port);
    expect(answer).toMatch(/^HTTP\/1\.1 503 [\s\S]*limit of 1 connections/);
    expect(answer).toContain("Retry-After: 5\r\n");
    first.socket.close();
    await until(() => server.connections.size === 0);
    await WsClient.open(url);
  });

  it("holds for clients that authorize admits at the same time", async () => {
    const admit: (() => void)[] = [];
    const { port, server } = await startSockets({
      maxConnections: 2,
      authorize: () => new Promise((resolve) => admit.push(() => resolve(undefined))),
    });
    const clients = await Promise.all([1, 2, 3, 4].map(() => RawClient.connect(port)));
    for (const client of clients) client.write(upgradeRequest());
    await until(() => admit.length >= 2);
    let heads: string[] = [];
    const all = Promise.all(clients.map((client) => client.readHead())).then((read) => {
      heads = read;
    });
    await until(() => {
      for (const go of admit.splice(0)) go();
      return heads.length > 0;
    });
    await all;
    expect(heads.map((head) => head.slice(9, 12)).sort()).toEqual(["101", "101", "503", "503"]);
    expect(server.connections.size).toBe(2);
  });
});
