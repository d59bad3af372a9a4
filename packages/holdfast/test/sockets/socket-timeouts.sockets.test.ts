/** Bounds in time over real sockets: each cuts the peer it is about, and a witness notices nothing. */
import { once } from "node:events";
import { expect, it } from "vitest";
import type { ServerWebSocket, WebSocketServerOptions } from "../../src/websocket.js";
import { WebSocket } from "../../src/websocket.js";
import { clientFrame, RawClient, until } from "../support/server.js";
import { startSockets, startWitness, WsClient, watchClose } from "./support/servers.js";

async function startWithPeer(options: Partial<WebSocketServerOptions>) {
  const running = await startSockets(options);
  const witness = await startWitness(running.url);
  const peer = await RawClient.upgrade(running.port);
  await until(() => running.sockets.length === 1);
  const closed = watchClose(running.sockets[0] as ServerWebSocket);
  return {
    ...running,
    peer,
    closed,
    async checkOthers() {
      await until(() => running.server.connections.size === 1);
      await witness.check();
      expect(running.errors).toEqual([]);
    },
  };
}

it("a peer that answers no ping is terminated", async () => {
  const { peer, closed, checkOthers } = await startWithPeer({ pingIntervalMs: 400, pongTimeoutMs: 400 });
  expect((await peer.readFrame()).opcode).toBe(0x9);
  await until(() => closed.length === 1);
  expect(closed).toEqual([{ code: 1006, reason: "", wasClean: false }]);
  await until(() => peer.hasClosed);
  await checkOthers();
});

it("a peer that answers pings stays", async () => {
  const { url, server } = await startSockets({ pingIntervalMs: 200, pongTimeoutMs: 15_000 });
  const client = await WsClient.open(url);
  let pings = 0;
  client.socket.on("ping", () => pings++);
  await until(() => pings === 3);
  expect(server.connections.size).toBe(1);
});

it("a message that comes a byte now and then fails with 1008", async () => {
  const { peer, closed, checkOthers } = await startWithPeer({ messageTimeoutMs: 700 });
  const bytes = clientFrame(0x1, "x".repeat(1000));
  let sent = 0;
  while (closed.length === 0 && !peer.hasEnded) {
    peer.write(bytes.subarray(sent, ++sent));
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(await peer.readClose()).toEqual({ code: 1008, reason: "a message did not end within 700 ms" });
  peer.socket.end();
  await checkOthers();
  expect(closed).toEqual([{ code: 1008, reason: "a message did not end within 700 ms", wasClean: false }]);
});

it("a peer that sends pings but no message is closed with 1001 when idle", async () => {
  const { port } = await startSockets({ idleTimeoutMs: 600 });
  const peer = await RawClient.upgrade(port);
  const timer = setInterval(() => peer.write(clientFrame(0x9, "")), 50);
  const close = await peer.readClose();
  clearInterval(timer);
  expect(close).toEqual({ code: 1001, reason: "no message for 600 ms" });
});

it("a peer that takes nothing is terminated after stallTimeoutMs", async () => {
  const { peer, closed, sockets, checkOthers } = await startWithPeer({ stallTimeoutMs: 500 });
  peer.socket.pause();
  sockets[0]?.send(Buffer.alloc(15_000_000));
  await until(() => closed.length === 1);
  expect(closed[0]?.code).toBe(1006);
  await checkOthers();
});

it("a peer that answers no Close frame is terminated after closeTimeoutMs", async () => {
  const { peer, closed, sockets, checkOthers } = await startWithPeer({ closeTimeoutMs: 400 });
  sockets[0]?.close(4000, "go");
  expect(await peer.readClose()).toEqual({ code: 4000, reason: "go" });
  await until(() => peer.hasClosed);
  await until(() => closed.length === 1);
  expect(closed).toEqual([{ code: 1006, reason: "", wasClean: false }]);
  await checkOthers();
});

it("a client terminates a server that answers no ping", async () => {
  const { url, sockets } = await startSockets();
  const client = new WebSocket(url, { pingIntervalMs: 300, pongTimeoutMs: 300 });
  await once(client, "open");
  sockets[0]?.pause();
  const [{ code, wasClean }] = await once(client, "close");
  expect([code, wasClean]).toEqual([1006, false]);
});
