/** Holdfast inside servers of other frameworks: its clients connect, their pages go on, and both end cleanly. */
import { createServer as createHttp, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import express from "express";
import createFastify from "fastify";
import { Hono } from "hono";
import { describe, expect, it, onTestFinished } from "vitest";
import { channel, createServer, defineApp, type HoldfastServer } from "../../src/index.js";
import { apiKey, connectSdk, createSdk, next, subscribeSdk } from "../support/app-server.js";

const app = defineApp({ channels: { news: channel({ allow: { subscribe: "all", publish: "all" } }) } });

interface Framework {
  readonly name: string;
  /** Starts the framework's server with a page at /hello, and Holdfast in it. */
  start(holdfast: HoldfastServer<typeof app>): Promise<Server>;
}

const frameworks: readonly Framework[] = [
  {
    name: "Express",
    async start(holdfast) {
      const web = express();
      web.use(holdfast.handler);
      web.get("/hello", (_request, response) => void response.send("hello"));
      const http = createHttp(web);
      await holdfast.attach(http);
      return http;
    },
  },
  {
    name: "Fastify",
    async start(holdfast) {
      const web = createFastify();
      web.addHook("onRequest", (request, reply, done) => {
        holdfast.handler(request.raw, reply.raw, done);
      });
      web.get("/hello", async () => "hello");
      await web.ready();
      await holdfast.attach(web.server);
      onTestFinished(() => web.close());
      return web.server;
    },
  },
  {
    name: "Hono",
    async start(holdfast) {
      const web = new Hono();
      web.get("/hello", (context) => context.text("hello"));
      const answer = getRequestListener(web.fetch);
      const http = createHttp((request, response) =>
        holdfast.handler(request, response, () => void answer(request, response)),
      );
      await holdfast.attach(http);
      return http;
    },
  },
];

async function start(framework: Framework) {
  const errors: unknown[] = [];
  const holdfast = createServer(app, { apiKeys: [apiKey], onError: (error) => errors.push(error) });
  const http = await framework.start(holdfast);
  await new Promise<void>((resolve) => http.listen(0, "127.0.0.1", resolve));
  onTestFinished(async () => {
    await holdfast.close();
    http.closeAllConnections();
    http.close();
  });
  const { port } = http.address() as AddressInfo;
  return {
    holdfast,
    http,
    errors,
    base: `http://127.0.0.1:${port}`,
    url: `ws://127.0.0.1:${port}/connection/websocket`,
  };
}

describe.each(frameworks)("Holdfast in $name", (framework) => {
  it("takes clients, and leaves the framework its pages", async () => {
    const { holdfast, base, url, errors } = await start(framework);
    const subscription = await subscribeSdk(await connectSdk(url), "news");
    const received = next<{ data: unknown }>(subscription, "publication");
    await holdfast.publish("news", { hello: 1 });
    expect((await received).data).toEqual({ hello: 1 });
    expect(await (await fetch(`${base}/hello`)).text()).toBe("hello");
    expect((await fetch(`${base}/other`)).status).toBe(404);
    expect(errors).toEqual([]);
  });

  it("answers its own addresses: health and the interface for servers", async () => {
    const { base } = await start(framework);
    expect(await (await fetch(`${base}/health`)).json()).toEqual({});
    const answer = await fetch(`${base}/api/publish`, {
      method: "POST",
      headers: { "X-API-Key": apiKey },
      body: '{"channel":"news","data":1}',
    });
    expect(await answer.json()).toMatchObject({ result: { offset: 1 } });
  });

  it("goes without the framework's server, which takes no more clients then", async () => {
    const { holdfast, http, base, url } = await start(framework);
    const client = await connectSdk(url);
    const ended = next<{ code: number }>(client, "connecting");
    await holdfast.close();
    expect(await ended).toMatchObject({ code: 3001 });
    client.disconnect();
    expect(http.listenerCount("upgrade")).toBe(0);
    expect(await (await fetch(`${base}/hello`)).text()).toBe("hello");
  });

  it("is reached by pages of its own origin, and by no others", async () => {
    const { base, url } = await start(framework);
    const connectFrom = async (origin: string) => {
      const { default: WsWebSocket } = await import("ws");
      const socket = new WsWebSocket(url, { origin });
      return await new Promise((resolve) => {
        socket.on("open", () => {
          socket.close();
          resolve("open");
        });
        socket.on("error", (error) => resolve(error.message));
      });
    };
    expect(await connectFrom(base)).toBe("open");
    expect(await connectFrom("https://evil.example")).toContain("403");
  });
});

describe("attaching", () => {
  it("is refused once the server is closed", async () => {
    const holdfast = createServer(app);
    await holdfast.close();
    await expect(holdfast.attach(createHttp())).rejects.toMatchObject({ code: "HF_SERVER_STATE" });
    expect(createSdk("ws://127.0.0.1:1/").state).toBe("disconnected");
  });
});
