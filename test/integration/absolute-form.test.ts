/** Requests as proxies may send them: with the whole address as their target (RFC 9112 §3.2.2), for every kind of path. */
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import { describe, expect, it, onTestFinished } from "vitest";
import { createServer } from "../../packages/holdfast/src/index.js";
import { RawClient, startServer, upgradeRequest } from "../../packages/holdfast/test/support/server.js";

async function ask(port: number, target: string, headers = ""): Promise<string> {
  const client = await RawClient.connect(port);
  client.write(`GET ${target} HTTP/1.1\r\nHost: elsewhere\r\nConnection: close\r\n${headers}\r\n`);
  return client.readToEnd();
}

const upgrade = (origin: string, target: string) =>
  upgradeRequest({ Host: "elsewhere", Origin: origin }).replace("GET /connection/websocket", `GET ${target}`);

describe("request target in absolute form", () => {
  it.each([
    ["/health", /^HTTP\/1\.1 200 [\s\S]*\{\}$/],
    ["/channels/news?limit=1", /^HTTP\/1\.1 200 [\s\S]*"publications":\[\]\}$/],
    ["/api/openapi.json", /^HTTP\/1\.1 200 [\s\S]*"openapi":/],
    ["/connection/sse", /cf_connect must be one connect command/],
    ["/connection/websocket", /^HTTP\/1\.1 426 /],
    ["/nowhere", /^HTTP\/1\.1 404 [\s\S]*There is nothing at \/nowhere\./],
  ])("is answered as %s", async (path, answer) => {
    const { port } = await startServer();
    const accept = "Accept: */*, text/event-stream\r\n";
    expect(await ask(port, `http://localhost:${port}${path}`, accept)).toMatch(answer);
  });

  it("opens a WebSocket, and its authority is compared with the Origin", async () => {
    const { port } = await startServer({ host: "0.0.0.0" });
    const target = "http://app.example/connection/websocket";
    for (const [origin, status] of [
      ["http://app.example", /^HTTP\/1\.1 101 /],
      ["http://elsewhere", /^HTTP\/1\.1 403 /],
    ] as const) {
      const client = await RawClient.connect(port);
      client.write(upgrade(origin, target));
      expect(await client.readHead()).toMatch(status);
    }
  });

  it("is answered when embedded in another server, too", async () => {
    const server = createServer({ pages: null });
    onTestFinished(() => server.close());
    const app = express().use(server.handler);
    for (const listener of [app, server.handler]) {
      const http = createHttp(listener as never).listen(0, "127.0.0.1");
      onTestFinished(() => void http.close());
      await server.attach(http);
      await once(http, "listening");
      const { port } = http.address() as AddressInfo;
      expect(await ask(port, `http://localhost:${port}/health`)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\{\}$/);
      const client = await RawClient.connect(port);
      client.write(upgrade("http://localhost", `http://localhost/connection/websocket`));
      expect(await client.readHead()).toMatch(/^HTTP\/1\.1 101 /);
      http.closeAllConnections();
    }
  });
});
