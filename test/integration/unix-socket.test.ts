/** A server on a Unix socket, asked by a proxy on the same machine or by programs. */

import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request as sendRequest } from "node:http";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import WsWebSocket from "ws";
import { defineApp, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { startApp } from "../../packages/holdfast/test/support/app-server.js";
import { startServer } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

function createPath(): string {
  const folder = createTemporaryFolder("unix");
  return join(folder, "s.sock");
}

function ask(
  socketPath: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const request = sendRequest({
      socketPath,
      path,
      headers: { host: "localhost", ...headers },
      agent: false,
    });
    request.on("response", (response: IncomingMessage) => {
      response.resume();
      resolve(response.statusCode);
    });
    request.on("error", reject);
    request.end();
  });
}

describe("server on a Unix socket", () => {
  it("listens on it, prints it, opens WebSockets, and removes the file on close", async () => {
    const unixSocket = createPath();
    const { server } = await startServer({ unixSocket });
    expect(server.address).toEqual({ host: unixSocket, port: 0, url: `unix:${unixSocket}` });
    expect(await ask(unixSocket, "/channels/news")).toBe(200);
    const socket = new WsWebSocket(`ws+unix:${unixSocket}:/connection/websocket`);
    await new Promise((resolve, reject) => socket.on("open", resolve).on("error", reject));
    socket.terminate();
    await server.close();
    expect(existsSync(unixSocket)).toBe(false);
  });

  it("accepts local host names, or a trusted proxy", async () => {
    const app = defineApp({
      authenticate: ({ address }) => (address === "203.0.113.9" ? { id: "ann" } : undefined),
    });
    const start = async (options: ServerOptions) => {
      const unixSocket = createPath();
      await startApp(app, { unixSocket, ...options });
      return unixSocket;
    };
    const forwarded = { host: "app.example", "x-forwarded-for": "203.0.113.9" };
    expect(await ask(await start({}), "/channels/news", forwarded)).toBe(403);
    const trusting = await start({ trustedProxies: ["unix"] });
    // Known, and then there is no such channel.
    expect(await ask(trusting, "/channels/news", forwarded)).toBe(404);
    expect(await ask(trusting, "/channels/news", { ...forwarded, "x-forwarded-for": "203.0.113.8" })).toBe(
      401,
    );
  });

  it("replaces a stale socket file, but not one in use or another kind of file", async () => {
    const unixSocket = createPath();
    const killed = `require("net").createServer().listen(${JSON.stringify(unixSocket)}, () => process.kill(process.pid, "SIGKILL"))`;
    spawnSync(process.execPath, ["-e", killed]);
    expect(existsSync(unixSocket)).toBe(true);
    await startServer({ unixSocket });
    await expect(startServer({ unixSocket })).rejects.toMatchObject({ code: "HF_SERVER_LISTEN" });
    const file = createPath();
    writeFileSync(file, "kept");
    await expect(startServer({ unixSocket: file })).rejects.toMatchObject({ code: "HF_SERVER_LISTEN" });
    expect(existsSync(file)).toBe(true);
  });
});
