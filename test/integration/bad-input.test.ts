/**
 * What a hostile or broken peer may send: each has a clear outcome for the peer at fault, and a witness that chats on
 * the same server all the while notices nothing.
 */
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import type { ServerOptions } from "../../packages/holdfast/src/index.js";
import {
  clientFrame,
  RawClient,
  type RunningServer,
  startServer,
  textFrame,
  until,
  upgradeRequest,
} from "../../packages/holdfast/test/support/server.js";

/** A client that publishes and must see each of its messages, in order, whatever others do. */
async function startWitness({ url }: RunningServer) {
  const socket = new WsWebSocket(url);
  const seen: unknown[] = [];
  let isClosed = false;
  let replies = 0;
  socket.on("message", (data) => {
    for (const line of data.toString().split("\n")) {
      const message = JSON.parse(line);
      if (line === "{}") socket.send("{}");
      if (message.push?.channel === "witness") seen.push(message.push.pub.data);
      if (message.id) replies++;
    }
  });
  socket.on("close", () => {
    isClosed = true;
  });
  onTestFinished(() => socket.terminate());
  await new Promise((resolve) => socket.once("open", resolve));
  socket.send('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"witness"}}');
  await until(() => replies === 2);
  let sent = 0;
  let lastId = 2;
  return {
    /** Publishes elsewhere, and resolves when that is acknowledged. */
    async publish(channel: string, data: string) {
      const before = replies;
      socket.send(JSON.stringify({ id: ++lastId, publish: { channel, data } }));
      await until(() => replies > before || isClosed);
    },
    async check() {
      socket.send(JSON.stringify({ id: ++lastId, publish: { channel: "witness", data: sent++ } }));
      await until(() => seen.length === sent || isClosed);
      expect(isClosed).toBe(false);
      expect(seen).toEqual(Array.from({ length: sent }, (_, i) => i));
    },
  };
}

async function startWithWitness(options: ServerOptions = {}) {
  const running = await startServer(options);
  const witness = await startWitness(running);
  await witness.check();
  return { ...running, witness };
}

describe("request that is not an opening handshake", () => {
  const cases: readonly [string, string, number, RegExp][] = [
    [
      "an ordinary GET",
      "GET /connection/websocket HTTP/1.1\r\nHost: localhost\r\n\r\n",
      426,
      /WebSocket endpoint/,
    ],
    [
      "a POST",
      "POST /connection/websocket HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      405,
      /only GET/,
    ],
    ["another protocol to upgrade to", upgradeRequest({ Upgrade: "h2c" }), 426, /WebSocket endpoint/],
    ["a wrong version", upgradeRequest({ "Sec-WebSocket-Version": "8" }), 426, /must be 13, but is 8/],
    ["no version", upgradeRequest({ "Sec-WebSocket-Version": undefined }), 426, /must be 13, but is missing/],
    ["a bad key", upgradeRequest({ "Sec-WebSocket-Key": "short" }), 400, /16 bytes in base64/],
    ["no key", upgradeRequest({ "Sec-WebSocket-Key": undefined }), 400, /16 bytes in base64/],
    ["no host", upgradeRequest({ Host: undefined }), 400, /./],
    [
      "a page of another origin",
      upgradeRequest({ Origin: "https://evil.example" }),
      403,
      /may not connect here/,
    ],
    [
      "another path",
      upgradeRequest().replace("/connection/websocket", "/elsewhere"),
      404,
      /no WebSocket at \/elsewhere/,
    ],
    [
      "a head over the limit",
      upgradeRequest({ "X-Large": "x".repeat(20_000) }),
      431,
      /headers are too large/,
    ],
    ["no HTTP at all", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400, /not an HTTP request/],
  ];

  it.each(cases)("%s is refused with an explanation", async (_name, request, status, sentence) => {
    const { port, witness, server } = await startWithWitness();
    const client = await RawClient.connect(port);
    client.write(request);
    const answer = await client.readToEnd();
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    if (status === 426 && /version|Version/.test(request))
      expect(answer).toContain("Sec-WebSocket-Version: 13");
    expect(answer.slice(answer.indexOf("\r\n\r\n"))).toMatch(sentence);
    await witness.check();
    expect(server.stats().connections).toBe(1);
  });

  it("an unfinished handshake is refused with 408 in time", async () => {
    const { port, witness } = await startWithWitness({ handshakeTimeoutMs: 1500 });
    const client = await RawClient.connect(port);
    client.write(upgradeRequest().slice(0, 60));
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 408 [\s\S]*did not arrive in time/);
    await witness.check();
  });

  it("a silent connection is refused with 408 in time", async () => {
    const { port, witness } = await startWithWitness({ handshakeTimeoutMs: 1500 });
    const client = await RawClient.connect(port);
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 408 /);
    await witness.check();
  });

  it("a connection over the limit is refused with 503", async () => {
    const { port, witness } = await startWithWitness({ maxConnections: 1 });
    const client = await RawClient.connect(port);
    client.write(upgradeRequest());
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 503 [\s\S]*limit of 1 connections/);
    await witness.check();
  });
});

describe("invalid frame", () => {
  const invalidUtf8 = Buffer.from([0x68, 0x69, 0xc3, 0x28]);
  const cases: readonly [string, Uint8Array, number, RegExp][] = [
    ["unmasked", clientFrame(0x1, "{}", { isMasked: false }), 1002, /not masked/],
    ["with reserved bits", clientFrame(0x1, "{}", { reserved: 4 }), 1002, /reserved bits/],
    ["with an unknown opcode", clientFrame(0x3, "{}"), 1002, /opcode 0x3/],
    ["a fragmented control frame", clientFrame(0x9, "", { isFinal: false }), 1002, /fragmented/],
    ["a control frame over 125 bytes", clientFrame(0x9, "x".repeat(126)), 1002, /more than 125/],
    ["invalid UTF-8", clientFrame(0x1, invalidUtf8), 1007, /UTF-8/],
    [
      "invalid UTF-8 in a fragment, unfinished",
      clientFrame(0x1, invalidUtf8, { isFinal: false }),
      1007,
      /UTF-8/,
    ],
    ["an invalid close code", clientFrame(0x8, Buffer.from([0x03, 0xed])), 1002, /close code 1005/],
    ["a continuation of nothing", clientFrame(0x0, "x"), 1002, /continuation/],
    ["a message over the limit", clientFrame(0x1, "x".repeat(65_537)), 1009, /exceeds the limit of 65536/],
  ];

  it.each(cases)("%s ends the connection with the right code", async (_name, frame, code, reason) => {
    const { port, witness, server } = await startWithWitness();
    const client = await RawClient.upgrade(port);
    client.write(frame);
    expect(await client.readClose()).toEqual({ code, reason: expect.stringMatching(reason) });
    await until(() => client.hasEnded);
    await witness.check();
    client.socket.end();
    await until(() => server.stats().sockets === 1);
  });

  it("a message of endless empty fragments ends with 1009", async () => {
    const { port, witness } = await startWithWitness({ maxFragments: 100 });
    const client = await RawClient.upgrade(port);
    client.write(clientFrame(0x1, "", { isFinal: false }));
    client.write(Buffer.concat(Array.from({ length: 200 }, () => clientFrame(0x0, "", { isFinal: false }))));
    expect(await client.readClose()).toEqual({
      code: 1009,
      reason: expect.stringMatching(/more than 100 fragments/),
    });
    await witness.check();
  });
});

describe("invalid command", () => {
  const connect = { id: 1, connect: {} };
  const deepJson = clientFrame(0x1, `{"id":1,"connect":{"data":${"[".repeat(30_000)}${"]".repeat(30_000)}}}`);
  const fatal: readonly [string, Uint8Array, number, RegExp][] = [
    ["not JSON", clientFrame(0x1, "hello"), 3501, /invalid JSON: "hello"/],
    ["JSON of endless depth", deepJson, 3501, /nested deeper than 256 levels/],
    ["JSON that is no object", clientFrame(0x1, "[1,2]"), 3501, /must be a JSON object/],
    ["an empty frame", clientFrame(0x1, ""), 3501, /empty line/],
    [
      "a binary frame that is no text",
      clientFrame(0x2, Uint8Array.of(0x7b, 0xff, 0x7d)),
      3501,
      /must be UTF-8/,
    ],
    ["an unknown command", textFrame(connect, { id: 2, fly: {} }), 3501, /unknown command "fly"/],
    ["no command at all", textFrame(connect, { id: 2 }), 3501, /has no method/],
    [
      "a command before connect",
      textFrame({ id: 1, subscribe: { channel: "a" } }),
      3501,
      /first command must be connect/,
    ],
    ["a second connect", textFrame(connect, { id: 2, connect: {} }), 3501, /connect may be sent once/],
    ["an id that is no number", textFrame({ id: "1", connect: {} }), 3501, /id of a command/],
    [
      "an empty channel name",
      textFrame(connect, { id: 2, subscribe: { channel: "" } }),
      3501,
      /must not be empty/,
    ],
    ["a one-way message", textFrame(connect, { send: { data: 1 } }), 3508, /no one-way messages/],
    [
      "a token that nobody can check",
      textFrame({ id: 1, connect: { token: "x" } }),
      3500,
      /no key to verify/,
    ],
  ];

  it.each(fatal)("%s ends the connection with the right code", async (_name, frame, code, reason) => {
    const { port, witness } = await startWithWitness();
    const client = await RawClient.upgrade(port);
    client.write(frame);
    expect(await client.readClose()).toEqual({ code, reason: expect.stringMatching(reason) });
    await witness.check();
  });

  const refused: readonly [string, object, number, RegExp][] = [
    [
      "a channel name over 255 characters",
      { subscribe: { channel: "x".repeat(256) } },
      107,
      /255 characters, not 256/,
    ],
    ["a channel name outside ASCII", { publish: { channel: "ä", data: 1 } }, 107, /printable ASCII/],
    [
      "a channel that is no string",
      { subscribe: { channel: 7 } },
      107,
      /subscribe\.channel must be a string/,
    ],
    ["a publish without data", { publish: { channel: "a" } }, 107, /publish\.data is missing/],
    [
      "history in reverse from nowhere",
      { history: { channel: "a", reverse: true, since: { offset: 0 } } },
      107,
      /reverse/,
    ],
    [
      "history of another epoch",
      { history: { channel: "a", limit: 1, since: { offset: 1, epoch: "x" } } },
      112,
      /epoch/,
    ],
    ["rpc", { rpc: { method: "x" } }, 108, /the application has no methods; known: holdfast.publish/],
    ["refresh", { refresh: { token: "x" } }, 108, /do not expire/],
    ["sub_refresh", { sub_refresh: { channel: "a", token: "x" } }, 108, /do not expire/],
  ];

  it.each(refused)("%s is refused, and the connection stays open", async (_name, command, code, message) => {
    const { port, witness } = await startWithWitness();
    const client = await RawClient.upgrade(port);
    client.write(
      textFrame(connect, { id: 2, ...command }, { id: 3, publish: { channel: "after", data: 1 } }),
    );
    const lines: { id: number }[] = [];
    while (lines.length < 3)
      for (const line of (await client.readFrame()).payload.toString().split("\n"))
        lines.push(JSON.parse(line));
    expect(lines.find(({ id }) => id === 2)).toMatchObject({
      error: { code, message: expect.stringMatching(message) },
    });
    expect(lines.find(({ id }) => id === 3)).toEqual({ id: 3, publish: {} });
    await witness.check();
  });

  it("more than 128 channels are refused", async () => {
    const { port } = await startServer();
    const client = await RawClient.upgrade(port);
    const subscribes = Array.from({ length: 129 }, (_, i) => ({
      id: i + 2,
      subscribe: { channel: `c${i}` },
    }));
    client.write(textFrame(connect, ...subscribes));
    const lines: { id: number; error?: { code: number } }[] = [];
    while (lines.length < 130)
      for (const line of (await client.readFrame()).payload.toString().split("\n"))
        lines.push(JSON.parse(line));
    expect(lines.filter(({ error }) => error).map(({ id, error }) => [id, error?.code])).toEqual([
      [130, 106],
    ]);
  });
});

describe("peer that keeps the server waiting or busy", () => {
  it("that never sends connect is closed with 3008", async () => {
    const { port, witness } = await startWithWitness({ connectTimeoutMs: 2000 });
    const client = await RawClient.upgrade(port);
    expect(await client.readClose()).toEqual({ code: 3008, reason: "slow: no connect within 2000 ms" });
    await witness.check();
  });

  it("that floods with commands gets 111 and is then closed with 3013", async () => {
    const { port, witness, errors } = await startWithWitness({
      commandsPerSecond: 50,
      commandBurst: 100,
    });
    const client = await RawClient.upgrade(port);
    client.write(textFrame({ id: 1, connect: {} }));
    const publishes = Array.from({ length: 1000 }, (_, i) => ({
      id: i + 2,
      publish: { channel: "flood", data: i },
    }));
    client.write(textFrame(...publishes));
    const codes: number[] = [];
    for (;;) {
      const { opcode, payload } = await client.readFrame();
      if (opcode === 0x8) {
        expect(payload.readUInt16BE(0)).toBe(3013);
        break;
      }
      for (const line of payload.toString().split("\n")) codes.push(JSON.parse(line).error?.code ?? 0);
    }
    expect(codes).toContain(0);
    expect(codes).toContain(111);
    expect(errors).toEqual([]);
    await witness.check();
  });

  it("that never reads has nothing queued, and is closed when it answers no ping", async () => {
    const times = { pingIntervalMs: 3000, pongTimeoutMs: 2500, stallTimeoutMs: 2500 };
    const { port, witness, server } = await startWithWitness({ ...times });
    const client = await RawClient.upgrade(port);
    client.socket.pause();
    client.write(textFrame({ id: 1, connect: {} }, { id: 2, subscribe: { channel: "big" } }));
    await until(() => server.stats().subscriptions === 2);
    let most = 0;
    for (let i = 0; i < 400; i++) {
      await witness.publish("big", "x".repeat(60_000));
      if (i % 20 === 0) await witness.check();
      most = Math.max(most, server.stats().unsentBytes);
    }
    // 24 MB were published; what is held for the reader is one batch and what stands in front of it.
    expect(most).toBeLessThan(512 * 1024);
    await until(() => server.stats().subscriptions === 1);
    await witness.check();
  });

  it("that sends pings and reads no pongs is no longer read from", async () => {
    const { port, witness, server } = await startWithWitness();
    const client = await RawClient.upgrade(port);
    client.socket.pause();
    const pings = Buffer.concat(Array.from({ length: 500 }, () => clientFrame(0x9, "x".repeat(125))));
    // 130 MB, far more than the system's buffers take: were all of them answered, all could be written.
    let isHeldUp = false;
    for (let i = 0; i < 2000 && !isHeldUp; i++) {
      if (client.socket.write(pings)) continue;
      isHeldUp = await Promise.race([
        new Promise<boolean>((resolve) => client.socket.once("drain", () => resolve(false))),
        new Promise<boolean>((resolve) => setTimeout(() => resolve(true), 1000)),
      ]);
    }
    expect(isHeldUp).toBe(true);
    await witness.check();
    expect(server.stats().sockets).toBe(2);
    client.socket.destroy();
    await until(() => server.stats().sockets === 1);
    await witness.check();
  });
});
