/** Holdfast in a server of Express: `npx tsx examples/express/server.ts`, then http://localhost:3000/hello. */
import { createServer as createHttp } from "node:http";
import express from "express";
import { channel, createServer, defineApp } from "holdfast";

const app = defineApp({ channels: { news: channel() } });
export const holdfast = createServer(app, { apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [] });

const web = express();
web.use(holdfast.handler);
web.get("/hello", (_request, response) => void response.send("hello"));

export const http = createHttp(web);
await holdfast.attach(http);
http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
