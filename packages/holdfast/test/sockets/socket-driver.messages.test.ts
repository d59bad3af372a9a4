/** Messages belong to their handlers, large ones may be sent, and a peer that is steadily sent to is still heard. */
import { describe, expect, it, onTestFinished } from "vitest";
import { type ServerWebSocket, WebSocket, WebSocketServer } from "../../src/websocket.js";
import { clientFrame, RawClient, until } from "../support/server.js";

async function start(onConnection: (socket: ServerWebSocket) => unknown, options = {}) {
  const server = new WebSocketServer({ onConnection, ...options });
  const port = await server.listen();
  onTestFinished(() => server.close());
  return { server, port };
}

describe("bytes of a message", () => {
  it("can be transferred while others of the same read are to come", async () => {
    const seen: number[][] = [];
    const { port } = await start((socket) => {
      socket.onMessage = (data) => {
        const bytes = data as Uint8Array<ArrayBuffer>;
        seen.push([...structuredClone(bytes, { transfer: [bytes.buffer] })]);
      };
    });
    const client = await RawClient.upgrade(port);
    client.write(Buffer.concat([1, 2, 3, 4].map((value) => clientFrame(0x2, Uint8Array.of(value, value)))));
    await until(() => seen.length === 4);
    expect(seen).toEqual([1, 2, 3, 4].map((value) => [value, value]));
  });
});

describe("a message larger than maxUnsentBytes", () => {
  it("is sent where nothing else waits, by both roles", async () => {
    const bounds = { maxUnsentBytes: 100_000, maxMessageBytes: 4_000_000 };
    const { port } = await start((socket) => {
      socket.onMessage = (data) => socket.send(data);
    }, bounds);
    const client = new WebSocket(`ws://127.0.0.1:${port}/`, bounds);
    onTestFinished(() => client.terminate());
    const text = "x".repeat(3_000_000);
    const echo = new Promise((resolve, reject) => {
      client.onmessage = ({ data }) => resolve(data);
      client.onclose = ({ code }) => reject(new Error(`closed with ${code}`));
    });
    client.onopen = () => client.send(text);
    expect(await echo).toBe(text);
  });
});

describe("a peer that is sent to without end, and reads", () => {
  it("is heard all the while", async () => {
    const heard: unknown[] = [];
    const chunk = Buffer.alloc(50_000);
    const { port } = await start((socket) => {
      socket.onMessage = (data) => heard.push(data);
      // Never lets what waits come to an end.
      const feed = setInterval(() => {
        while (socket.isOpen && socket.bufferedAmount < 4_000_000) socket.send(chunk);
      }, 2);
      socket.onClose = () => clearInterval(feed);
    });
    const client = await RawClient.upgrade(port);
    // Reads a piece at a time; what it gets is not kept.
    client.socket.removeAllListeners("data");
    client.socket.on("data", () => {
      client.socket.pause();
      setTimeout(() => client.socket.resume(), 2);
    });
    for (let i = 1; i <= 4; i++) {
      client.write(clientFrame(0x1, `message ${i}`));
      await until(() => heard.length === i);
    }
    expect(heard).toEqual(["message 1", "message 2", "message 3", "message 4"]);
    client.socket.destroy();
  });
});
