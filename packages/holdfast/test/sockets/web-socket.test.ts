/** The client for Node.js, against the server of `ws`. */
import { once } from "node:events";
import { createServer as createHttpServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocketServer, type WebSocket as WsConnection } from "ws";
import { type CloseEvent, type ErrorEvent, WebSocket } from "../../src/websocket.js";
import { until } from "../support/server.js";

async function startWs(onConnection: (connection: WsConnection) => void = () => {}, options = {}) {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", ...options });
  onTestFinished(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  server.on("connection", onConnection);
  await once(server, "listening");
  return { server, url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/` };
}

type AnyEvent = MessageEvent & CloseEvent & ErrorEvent;

function nextEvent(client: WebSocket, type: string): Promise<AnyEvent> {
  return new Promise((resolve) =>
    client.addEventListener(type, (event) => resolve(event as AnyEvent), { once: true }),
  );
}

describe("WebSocket", () => {
  it("opens, echoes text and binary of all sizes, and closes with code and reason", async () => {
    const { url } = await startWs((connection) => {
      connection.on("message", (data, isBinary) => connection.send(data, { binary: isBinary }));
    });
    const client = new WebSocket(url);
    client.binaryType = "arraybuffer";
    expect(client.readyState).toBe(WebSocket.CONNECTING);
    await nextEvent(client, "open");
    expect(client.readyState).toBe(WebSocket.OPEN);
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 300_000]) {
      const text = "é".repeat(size / 2);
      client.send(text);
      expect((await nextEvent(client, "message")).data).toBe(text);
      client.send(new Uint8Array(size).fill(7));
      const { data } = await nextEvent(client, "message");
      expect(new Uint8Array(data as ArrayBuffer)).toEqual(new Uint8Array(size).fill(7));
    }
    client.close(4000, "done");
    const { code, reason, wasClean } = await nextEvent(client, "close");
    expect([code, reason, wasClean]).toEqual([4000, "done", true]);
    expect(client.readyState).toBe(WebSocket.CLOSED);
  });

  it("tells the code with which the server closes", async () => {
    const { url } = await startWs((connection) => connection.close(3001, "shutdown"));
    const client = new WebSocket(url);
    const { code, reason, wasClean } = await nextEvent(client, "close");
    expect([code, reason, wasClean]).toEqual([3001, "shutdown", true]);
  });

  it("reports 1006 when the connection is lost", async () => {
    const { url } = await startWs((connection) => connection.terminate());
    const client = new WebSocket(url);
    const { code, wasClean } = await nextEvent(client, "close");
    expect([code, wasClean]).toEqual([1006, false]);
  });

  it("names its address as it was given", async () => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    expect(client.url).toBe(url);
    await nextEvent(client, "open");
  });

  it("agrees on a subprotocol", async () => {
    const { url } = await startWs(() => {}, { handleProtocols: () => "b" });
    const client = new WebSocket(url, ["a", "b"]);
    await nextEvent(client, "open");
    expect(client.protocol).toBe("b");
  });

  it("answers the server's pings", async () => {
    let hasPong = false;
    const { url } = await startWs((connection) => {
      connection.on("pong", (data) => {
        hasPong = data.toString() === "are you there";
      });
      connection.ping("are you there");
    });
    const client = new WebSocket(url);
    await nextEvent(client, "open");
    await until(() => hasPong);
  });

  it("fails with an error that says why when the server is no WebSocket", async () => {
    const http = createHttpServer((_request, response) => response.writeHead(404).end());
    http.listen(0, "127.0.0.1");
    await once(http, "listening");
    onTestFinished(() => void http.close());
    const client = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/`);
    const [error, close] = await Promise.all([nextEvent(client, "error"), nextEvent(client, "close")]);
    expect(error.message).toBe("the server answered 404 instead of 101");
    expect(close.code).toBe(1006);
  });

  it("fails with 1009 on a message over its limit", async () => {
    let code = 0;
    const { url } = await startWs((connection) => {
      connection.on("close", (received) => {
        code = received;
      });
      connection.send("x".repeat(101));
    });
    const client = new WebSocket(url, { maxMessageBytes: 100 });
    expect((await nextEvent(client, "error")).message).toMatch(/exceeds the limit of 100/);
    await until(() => code === 1009);
  });

  it("refuses addresses and subprotocols that can't be", () => {
    expect(() => new WebSocket("nonsense")).toThrow(/is not a URL/);
    expect(() => new WebSocket("ftp://x")).toThrow(/must begin with ws: or wss:/);
    expect(() => new WebSocket("ws://x", ["a", "a"])).toThrow(/is repeated/);
  });

  it("refuses to send before it is open, and drops what is sent after it closes", async () => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    expect(() => client.send("early")).toThrow(/not open yet/);
    await nextEvent(client, "open");
    client.close();
    client.send("late");
    expect((await nextEvent(client, "close")).code).toBe(1005);
  });

  it("can be closed before it is open", async () => {
    const { url } = await startWs();
    const client = new WebSocket(url);
    const closed = nextEvent(client, "close");
    client.close();
    expect((await closed).code).toBe(1006);
  });
});
