/** What several WebSocketServers leave of an HTTP server they share, and what is handed back to one. */
import { createServer as createHttp } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { createServer } from "../../src/index.js";
import { WebSocketServer } from "../../src/websocket.js";
import { RawClient, until, upgradeRequest } from "../support/server.js";

async function startHttp() {
  const seen: string[] = [];
  const http = createHttp((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    request.resume();
    request.on("end", () => response.end("ok"));
  });
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return { http, seen, port: (http.address() as AddressInfo).port };
}

describe("servers that share an HTTP server", () => {
  it("leave no listener behind when they close in the order they came", async () => {
    const { http, port } = await startHttp();
    const servers = ["/a", "/b"].map((path) => new WebSocketServer({ path, onConnection() {} }).attach(http));
    for (const server of servers) await server.close();
    expect(http.listenerCount("upgrade")).toBe(0);
    const client = await RawClient.connect(port);
    client.write(upgradeRequest({ Connection: "Upgrade, close" }));
    expect(await client.readToEnd()).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe("a request for another protocol with more fields than Node.js keeps", () => {
  it("is not read as two", async () => {
    const { http, seen, port } = await startHttp();
    new WebSocketServer({ onConnection() {} }).attach(http);
    const hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    const client = await RawClient.connect(port);
    client.write(
      `POST /first HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n${"a:b\r\n".repeat(1100)}` +
        `Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    );
    await until(() => client.hasClosed || client.received.length > 0);
    expect(seen).not.toContain("GET /hidden");
  });

  it("is answered once by a server of its own", async () => {
    const server = createServer({ port: 0, pages: null });
    const { port } = await server.listen();
    onTestFinished(() => server.close());
    const hidden = "GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    const client = await RawClient.connect(port);
    client.write(
      `POST /first HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n${"a:b\r\n".repeat(1100)}` +
        `Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    );
    expect((await client.readToEnd()).match(/HTTP\/1\.1 \d+/g)).toEqual(["HTTP/1.1 405"]);
  });
});

describe("an upgrade behind a request that is not answered yet", () => {
  it("ends the connection rather than mixing the answers", async () => {
    let answer = () => {};
    const http = createHttp((_request, response) => {
      answer = () => response.end("late");
    });
    await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void http.close());
    const server = new WebSocketServer({ onConnection() {} }).attach(http);
    const socket = connect((http.address() as AddressInfo).port, "127.0.0.1");
    let received = "";
    let isGone = false;
    socket.on("data", (chunk) => {
      received += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      isGone = true;
    });
    socket.write(`GET /slow HTTP/1.1\r\nHost: x\r\n\r\n${upgradeRequest()}`);
    await until(() => isGone);
    answer();
    expect(received).toBe("");
    expect(server.connections.size).toBe(0);
  });
});

describe("closing while a server begins to listen", () => {
  it("leaves nothing listening", async () => {
    const engine = new WebSocketServer({ onConnection() {} });
    const whole = createServer({ port: 0, pages: null });
    const listening = [engine.listen(), whole.listen()];
    const outcomes = Promise.allSettled(listening);
    await Promise.all([engine.close(), whole.close()]);
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "HF_SERVER_STATE" } });
    expect(engine.port).toBeUndefined();
  });
});
