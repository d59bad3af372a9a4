/** Many sends in one turn, and one message to many sockets. */
import { describe, expect, it } from "vitest";
import { broadcast, PreparedMessage, type ServerWebSocket, WebSocket } from "../../src/websocket.js";
import { RawClient, until } from "../support/server.js";
import { testTls } from "../support/tls.js";
import { startSockets, startWitness, WsClient } from "./support/servers.js";

const quiet = { onConnection: () => {} };

/** A socket that is open, its chunks as they come, and its counterpart. */
async function openRaw(port: number, sockets: readonly ServerWebSocket[]) {
  const before = sockets.length;
  const client = await RawClient.upgrade(port);
  await until(() => sockets.length > before);
  const chunks: Buffer[] = [];
  client.socket.on("data", (chunk) => chunks.push(chunk));
  return { client, chunks, socket: sockets[before] as ServerWebSocket };
}

async function readTexts(client: RawClient, count: number): Promise<string[]> {
  const texts: string[] = [];
  while (texts.length < count) texts.push((await client.readFrame()).payload.toString());
  return texts;
}

describe("sends of one turn", () => {
  it("arrive in order and in one segment per connection", async () => {
    const { port, sockets } = await startSockets(quiet);
    const peers = [await openRaw(port, sockets), await openRaw(port, sockets)];
    const expected = Array.from({ length: 200 }, (_, i) => `message ${i}`);
    for (const text of expected) for (const { socket } of peers) socket.send(text);
    for (const { client, chunks } of peers) {
      expect(await readTexts(client, expected.length)).toEqual(expected);
      expect(chunks.length).toBe(1);
    }
  });

  it("go out in one segment, too, where some were for all and some for one", async () => {
    const { port, sockets } = await startSockets(quiet);
    const [one, other] = [await openRaw(port, sockets), await openRaw(port, sockets)];
    for (let i = 0; i < 50; i++) {
      broadcast(sockets, `all ${i}`);
      one.socket.send(`one ${i}`);
      one.socket.ping();
    }
    expect(await readTexts(other.client, 50)).toEqual(Array.from({ length: 50 }, (_, i) => `all ${i}`));
    const texts = (await readTexts(one.client, 150)).filter((text) => text !== "");
    expect(texts).toEqual(Array.from({ length: 50 }, (_, i) => [`all ${i}`, `one ${i}`]).flat());
    expect([one.chunks.length, other.chunks.length]).toEqual([1, 1]);
  });

  it("of a client go out in one segment", async () => {
    const taken: unknown[] = [];
    let chunks = 0;
    const { server, url } = await startSockets({
      onConnection: (socket) => {
        socket.onMessage = (data) => taken.push(data);
      },
    });
    const client = new WebSocket(url);
    await new Promise((resolve) => client.addEventListener("open", resolve));
    await until(() => server.connections.size === 1);
    // Messages of one chunk are given in one task.
    const turns = new Set<number>();
    let turn = 0;
    const count = () => {
      turn++;
      if (taken.length > chunks) turns.add(turn);
      chunks = taken.length;
      if (taken.length < 100) setImmediate(count);
    };
    setImmediate(count);
    for (let i = 0; i < 100; i++) client.send(`${i}`);
    await until(() => taken.length === 100);
    expect(taken).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
    await until(() => chunks === 100);
    expect(turns.size).toBe(1);
    client.close();
  });
});

describe("broadcast()", () => {
  it("frames and compresses once for all that agreed on the same", async () => {
    const { url, sockets } = await startSockets({ ...quiet, compression: { thresholdBytes: 0 } });
    const plain = { perMessageDeflate: false };
    const clients = [
      await WsClient.open(url, [], { perMessageDeflate: true }),
      await WsClient.open(url, [], plain),
      await WsClient.open(url, [], { perMessageDeflate: { serverMaxWindowBits: 10 } }),
      await WsClient.open(url, [], { perMessageDeflate: true }),
    ];
    await until(() => sockets.length === clients.length);
    expect(sockets.map(({ extensions }) => extensions !== "")).toEqual([true, false, true, true]);
    const texts = Array.from({ length: 20 }, (_, i) => `${i} ${"to all of you ".repeat(i * 100)}`);
    for (const text of texts) broadcast(sockets, text);
    const binary = new PreparedMessage(new Uint8Array(1000).fill(7));
    broadcast(sockets, binary);
    for (const client of clients) {
      for (const text of texts) expect(await client.next()).toBe(text);
      expect(await client.next()).toEqual(Buffer.alloc(1000, 7));
    }
  });

  it("keeps contexts apart where they are taken over", async () => {
    const compression = { thresholdBytes: 0, contextTakeover: true };
    const { url, sockets } = await startSockets({ ...quiet, compression });
    const clients = [
      await WsClient.open(url, [], { perMessageDeflate: true }),
      await WsClient.open(url, [], { perMessageDeflate: true }),
      await WsClient.open(url),
    ];
    await until(() => sockets.length === 3);
    sockets[0]?.send("only to the first of you");
    for (let i = 0; i < 20; i++) broadcast(sockets, `to all of you ${i}`);
    expect(await clients[0]?.next()).toBe("only to the first of you");
    for (const client of clients)
      for (let i = 0; i < 20; i++) expect(await client.next()).toBe(`to all of you ${i}`);
  });

  it("reaches hundreds of sockets in order while a witness is answered", async () => {
    const { url, sockets } = await startSockets(quiet);
    const witness = await startWitness(url);
    const clients: WsClient[] = [];
    while (clients.length < 300)
      clients.push(...(await Promise.all(Array.from({ length: 50 }, () => WsClient.open(url)))));
    await until(() => sockets.length === 300);
    const text = "x".repeat(10_000);
    for (let i = 0; i < 5; i++) broadcast(sockets, `${i}${text}`);
    await witness.check();
    for (let i = 5; i < 10; i++) broadcast(sockets, `${i}${text}`);
    await until(() => clients.every(({ messages }) => messages.length === 10));
    for (const { messages } of clients)
      expect(messages.map((message) => message[0]).join("")).toBe("0123456789");
    for (const { socket } of clients) socket.terminate();
  });

  it.each([
    ["TCP", {}],
    ["TLS", { tls: testTls }],
  ])("keeps the order under backpressure over %s", async (_name, listen) => {
    const { url, sockets } = await startSockets({ ...quiet, maxUnsentBytes: 64_000_000 }, listen);
    const clients = [await WsClient.open(url), await WsClient.open(url)];
    await until(() => sockets.length === 2);
    clients[1]?.socket.pause();
    const texts = Array.from({ length: 300 }, (_, i) => `${i} ${"x".repeat((i * 7919) % 80_000)}`);
    for (const [index, text] of texts.entries()) {
      broadcast(sockets, text);
      if (index % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await until(() => clients[0]?.messages.length === texts.length);
    expect(sockets[1]?.bufferedAmount).toBeGreaterThan(0);
    clients[1]?.socket.resume();
    await until(() => clients[1]?.messages.length === texts.length);
    for (const client of clients) expect(client.messages.every((text, i) => text === texts[i])).toBe(true);
    await until(() => sockets.every((socket) => socket.bufferedAmount === 0));
  });

  it("goes on where sockets close, are closed and vanish meanwhile", async () => {
    const { port, url, sockets, server, errors } = await startSockets(quiet);
    const staying = await WsClient.open(url);
    const others = await Promise.all(Array.from({ length: 12 }, () => RawClient.upgrade(port)));
    await until(() => sockets.length === 13);
    let sent = 0;
    for (const [i, other] of others.entries()) {
      broadcast(sockets, `${sent++}`);
      if (i % 4 === 0) other.socket.resetAndDestroy();
      if (i % 4 === 1) other.socket.end();
      if (i % 4 === 2) sockets[i]?.terminate();
      if (i % 4 === 3) sockets[i]?.close(1000);
      broadcast(sockets, `${sent++}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const open = sockets.filter((socket) => socket.isOpen);
    broadcast(open, `${sent++}`);
    const gone = sockets.findIndex((socket) => !socket.isOpen);
    expect(() => sockets[gone]?.send("nobody hears this")).not.toThrow();
    for (const other of others) other.socket.destroy();
    await until(() => staying.messages.length === sent);
    expect(staying.messages).toEqual(Array.from({ length: sent }, (_, i) => `${i}`));
    await until(() => server.connections.size === 1);
    expect(errors).toEqual([]);
  });
});
