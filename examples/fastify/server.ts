/** Holdfast in a server of Fastify: `npx tsx examples/fastify/server.ts`, then http://localhost:3000/hello. */
import createFastify from "fastify";
import { channel, createServer, defineApp } from "holdfast";

const app = defineApp({ channels: { news: channel() } });
export const holdfast = createServer(app, { apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [] });

const web = createFastify();
web.addHook("onRequest", (request, reply, done) => {
  holdfast.handler(request.raw, reply.raw, done);
});
web.get("/hello", async () => "hello");

export const http = web.server;
await holdfast.attach(http);
await web.listen({ port: Number(process.env.PORT ?? 3000), host: "127.0.0.1" });
