/** Servers below a path: mounted at a prefix by frameworks, behind proxies that leave it there, and after parsers of bodies. */
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer as createHttp, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import createFastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it, onTestFinished } from "vitest";
import WsWebSocket from "ws";
import { createServer, type HoldfastServer, type ServerOptions } from "../../packages/holdfast/src/index.js";
import { PlainStream } from "../../packages/holdfast/test/support/plain-stream.js";
import { startServer } from "../../packages/holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";

const apiKey = "a key for what is mounted";

async function attach(
  create: (holdfast: HoldfastServer) => RequestListener | Server,
  options: ServerOptions = {},
) {
  const holdfast = createServer({ apiKeys: [apiKey], ...options });
  const made = create(holdfast);
  const http = typeof made === "function" ? createHttp(made) : made;
  await holdfast.attach(http);
  if (!http.listening) http.listen(0, "127.0.0.1");
  if (!http.listening) await once(http, "listening");
  onTestFinished(async () => {
    await holdfast.close();
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

function publish(base: string, path: string): Promise<Response> {
  return fetch(base + path, {
    method: "POST",
    headers: { "X-API-Key": apiKey, "Content-Type": "application/json" },
    body: '{"channel":"news","data":{"n":1}}',
  });
}

async function open(url: string): Promise<string> {
  const socket = new WsWebSocket(url.replace("http", "ws"));
  onTestFinished(() => socket.terminate());
  // One that was refused is ended before it was open.
  socket.on("error", () => {});
  return await new Promise((resolve) => {
    socket.on("open", () => resolve("open"));
    socket.on("unexpected-response", (_, response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => resolve(`${response.statusCode} ${text}`));
    });
  });
}

describe("mounted in Express, which strips the prefix", () => {
  const mounted = (prefix: string) => attach((holdfast) => express().use(prefix, holdfast.handler));

  it("at its own path, it answers requests below the prefix", async () => {
    expect(await (await publish(await mounted("/api"), "/api/publish")).json()).toMatchObject({
      result: { offset: 1 },
    });
    expect((await fetch(`${await mounted("/health")}/health`)).status).toBe(200);
    const channels = await mounted("/channels");
    // As the name of a channel, and not as the path that Express leaves of it.
    for (const channel of ["news", "health"]) {
      const response = await fetch(`${channels}/channels/${channel}`);
      expect(await response.json()).toMatchObject({ publications: [] });
    }
    expect((await PlainStream.open(`${channels}/channels/news/events`)).status).toBe(200);
    const connection = await mounted("/connection");
    const body = '{"id":1,"connect":{}}';
    expect((await PlainStream.open(`${connection}/connection/http_stream`, {}, "POST", body)).status).toBe(
      200,
    );
  });

  it.each(["/rt", "/api", "/channels/deep"])(
    "at the prefix %s, it answers all paths below that",
    async (prefix) => {
      const base = await mounted(prefix);
      expect((await fetch(`${base}${prefix}/channels/news`)).status).toBe(200);
      expect((await publish(base, `${prefix}/api/publish`)).status).toBe(200);
      expect((await PlainStream.open(`${base}${prefix}/channels/news/events`)).status).toBe(200);
      // `/api/other` could be a method that there is none of.
      expect((await publish(base, `${prefix}/other`)).status).toBe(404);
    },
  );

  it("explains the configuration when its WebSocket is requested below the prefix", async () => {
    expect(await open(`${await mounted("/rt")}/rt/connection/websocket`)).toMatch(
      /^404 There is no WebSocket at \/rt\/connection\/websocket\. WebSockets are at \/connection\/websocket.*\..*set basePath/,
    );
  });
});

describe.each<[string, (holdfast: HoldfastServer) => RequestListener | Server]>([
  ["Express", ({ handler }) => express().use(handler)],
  ["Express, at the prefix", ({ handler }) => express().use("/rt", handler)],
  [
    "Fastify",
    ({ handler }) => {
      const web = createFastify();
      web.addHook("onRequest", (request, reply, done) => handler(request.raw, reply.raw, done));
      void web.ready();
      return web.server;
    },
  ],
  [
    "Hono",
    ({ handler }) => {
      const answer = getRequestListener(new Hono().fetch);
      return (request, response) => handler(request, response, () => void answer(request, response));
    },
  ],
  [
    "Koa",
    ({ handler }) => {
      const answer = new Koa().callback();
      return (request, response) => handler(request, response, () => void answer(request, response));
    },
  ],
])("basePath in %s", (_name, create) => {
  it("prefixes all paths, the WebSocket's too", async () => {
    const base = await attach(create, { basePath: "/rt" });
    expect(await open(`${base}/rt/connection/websocket`)).toBe("open");
    expect((await fetch(`${base}/rt/channels/news`)).status).toBe(200);
    expect((await publish(base, "/rt/api/publish")).status).toBe(200);
    expect(await (await fetch(`${base}/rt/health`)).json()).toEqual({});
    expect((await fetch(`${base}/rtx/health`)).status).toBe(404);
  });
});

describe("basePath of a server that listens", () => {
  it("may be kept or stripped by a proxy", async () => {
    const { port } = await startServer({ basePath: "/a/b" });
    for (const prefix of ["", "/a/b"]) {
      const base = `http://127.0.0.1:${port}${prefix}`;
      expect(await open(`${base}/connection/websocket`)).toBe("open");
      expect((await fetch(`${base}/channels/news`)).status).toBe(200);
    }
  });

  it("redirects to the trailing slash, which its first page's links need", async () => {
    const pages = createTemporaryFolder("pages");
    await writeFile(join(pages, "index.html"), "<title>first</title>");
    const { port } = await startServer({ basePath: "/rt", pages });
    const asked = `http://127.0.0.1:${port}/rt?a=1`;
    const { status, headers } = await fetch(asked, { redirect: "manual" });
    expect([status, headers.get("location")]).toEqual([308, "./rt/?a=1"]);
    const { url, ok } = await fetch(asked);
    expect([url, ok]).toEqual([`http://127.0.0.1:${port}/rt/?a=1`, true]);
    expect(await (await fetch(`http://127.0.0.1:${port}/rt/none`)).text()).toBe(
      "There is nothing at /rt/none. The WebSocket is at /rt/connection/websocket.\n",
    );
  });

  it.each(["rt", "/rt/", "/", "/a b", "/a?b", 5])("is refused where it is %j", async (basePath) => {
    await expect(startServer({ basePath: basePath as string })).rejects.toMatchObject({
      code: "HF_OPTION_INVALID",
    });
  });
});

describe("request body already consumed", () => {
  const stream = (base: string) =>
    PlainStream.open(
      `${base}/connection/http_stream`,
      { "Content-Type": "application/json" },
      "POST",
      '{"id":1,"connect":{}}',
    );

  it("is taken from req.body where express.json() stored it", async () => {
    const base = await attach(({ handler }) => express().use(express.json()).use(handler));
    expect(await (await publish(base, "/api/publish")).json()).toMatchObject({ result: { offset: 1 } });
    expect((await publish(base, "/channels/news")).status).toBe(201);
    expect((await stream(base)).status).toBe(200);
  });

  it("without being stored is an error that names the consumer", async () => {
    const base = await attach(({ handler }) => (request, response) => {
      request.on("end", () => handler(request, response));
      request.resume();
    });
    for (const path of ["/api/publish", "/channels/news", "/emulation"]) {
      const response = await publish(base, path);
      expect([response.status, await response.text()]).toEqual([
        500,
        expect.stringContaining("express.json()"),
      ]);
    }
  });
});
