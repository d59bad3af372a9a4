/** Holdfast in front of Koa: `npx tsx examples/koa/server.ts`, then http://localhost:3000/hello. */
import { createServer as createHttp } from "node:http";
import { channel, createServer, defineApp } from "holdfast";
import Koa from "koa";

const app = defineApp({ channels: { news: channel() } });
export const holdfast = createServer(app, { apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [] });

const web = new Koa();
web.use((context) => {
  if (context.path === "/hello") context.body = "hello";
});

const answer = web.callback();
export const http = createHttp((request, response) =>
  holdfast.handler(request, response, () => void answer(request, response)),
);
await holdfast.attach(http);
http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
