/** Messages by `for await`, on both roles. */
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { type MessageIterator, type ServerWebSocket, WebSocket } from "../../src/websocket.js";
import { RawClient, until } from "../support/server.js";
import { startSockets, WsClient } from "./support/servers.js";

type Source = AsyncIterable<string | Uint8Array> & { close(): void };

/** One side iterates, the other talks. */
interface Pair {
  readonly source: Source;
  say(text: string): void;
  saidBytes(): number;
  close(code: number): void;
  cut(): void;
  isGone(): boolean;
}

async function serverIterates(): Promise<Pair> {
  let iterator: MessageIterator | undefined;
  const { url, sockets } = await startSockets({
    onConnection: (socket) => {
      iterator = socket[Symbol.asyncIterator]();
    },
  });
  const client = await WsClient.open(url);
  await until(() => iterator !== undefined);
  return {
    source: sockets[0] as ServerWebSocket,
    say: (text) => client.socket.send(text),
    saidBytes: () => client.socket.bufferedAmount,
    close: (code) => client.socket.close(code),
    cut: () => client.socket.terminate(),
    isGone: () => client.closed !== undefined,
  };
}

async function clientIterates(): Promise<Pair> {
  const { url, sockets, server } = await startSockets({ onConnection: () => {} });
  const client = new WebSocket(url);
  client[Symbol.asyncIterator]();
  await once(client, "open");
  const peer = sockets[0] as ServerWebSocket;
  return {
    source: client,
    say: (text) => peer.send(text),
    saidBytes: () => peer.bufferedAmount,
    close: (code) => peer.close(code),
    cut: () => peer.terminate(),
    isGone: () => server.connections.size === 0,
  };
}

describe.each([
  ["server", serverIterates],
  ["client", clientIterates],
])("messages of a %s", (_role, start) => {
  it("come in order, and a clean close ends the loop behind them", async () => {
    const { source, say, close } = await start();
    for (let i = 0; i < 100; i++) say(`${i}`);
    close(1000);
    const taken: unknown[] = [];
    for await (const message of source) taken.push(message);
    expect(taken).toEqual(Array.from({ length: 100 }, (_, i) => `${i}`));
  });

  it("end with HF_WEBSOCKET_CLOSED when the connection is terminated, once", async () => {
    const { source, say, cut } = await start();
    say("a");
    const taken: unknown[] = [];
    const loop = (async () => {
      for await (const message of source) {
        taken.push(message);
        cut();
      }
    })();
    await expect(loop).rejects.toMatchObject({
      code: "HF_WEBSOCKET_CLOSED",
      details: { code: 1006, reason: "" },
    });
    expect(taken).toEqual(["a"]);
    for await (const message of source) taken.push(message);
    expect(taken).toEqual(["a"]);
  });

  it("hold up the peer while the loop is slow, and come all when it goes on", async () => {
    const { source, say, saidBytes, close } = await start();
    const text = "x".repeat(50_000);
    // Less than the peer may have unsent, more than the system's buffers take.
    for (let i = 0; i < 280; i++) say(text);
    const iterator = source[Symbol.asyncIterator]();
    await iterator.next();
    // Some wait here, more in the buffers of the system, and the rest with the peer, for as long as nobody takes them.
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(saidBytes()).toBeGreaterThan(1_000_000);
    let count = 1;
    close(1000);
    for await (const message of source) count += message === text ? 1 : 0;
    expect(count).toBe(280);
    expect(saidBytes()).toBe(0);
  });

  it("leaving the loop closes the connection", async () => {
    const { source, say, isGone } = await start();
    for (let i = 0; i < 40; i++) say(`${i}`);
    for await (const message of source) if (message === "2") break;
    await until(isGone);
    const left: unknown[] = [];
    for await (const message of source) left.push(message);
    expect(left).toEqual([]);
  });
});

it("messages in the segment of the answer are kept for a loop that begins after the open event", async () => {
  const { url } = await startSockets({
    onConnection: (socket) => {
      socket.send("a");
      socket.send("b");
      socket.close();
    },
  });
  const client = new WebSocket(url);
  await once(client, "open");
  const taken: unknown[] = [];
  for await (const message of client) taken.push(message);
  expect(taken).toEqual(["a", "b"]);
});

it("the end of a terminated connection comes after its waiting messages", async () => {
  let source: ServerWebSocket | undefined;
  const { port } = await startSockets({
    onConnection: (socket) => {
      source = socket;
      socket[Symbol.asyncIterator]();
    },
  });
  const client = await RawClient.upgrade(port);
  client.write(Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61, 0x81, 0x81, 0, 0, 0, 0, 0x62]));
  await until(() => source !== undefined);
  client.socket.end();
  await until(() => client.hasClosed);
  const taken: unknown[] = [];
  await expect(
    (async () => {
      for await (const message of source as ServerWebSocket) taken.push(message);
    })(),
  ).rejects.toMatchObject({ code: "HF_WEBSOCKET_CLOSED" });
  expect(taken).toEqual(["a", "b"]);
});
