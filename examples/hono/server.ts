/** Holdfast in front of Hono: `npx tsx examples/hono/server.ts`, then http://localhost:3000/hello. */
import { createServer as createHttp } from "node:http";
import { getRequestListener } from "@hono/node-server";
import { channel, createServer, defineApp } from "holdfast";
import { Hono } from "hono";

const app = defineApp({ channels: { news: channel() } });
export const holdfast = createServer(app, { apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [] });

const web = new Hono();
web.get("/hello", (context) => context.text("hello"));

const answer = getRequestListener(web.fetch);
export const http = createHttp((request, response) =>
  holdfast.handler(request, response, () => void answer(request, response)),
);
await holdfast.attach(http);
http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
