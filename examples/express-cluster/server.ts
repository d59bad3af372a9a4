/**
 * Holdfast in a server of Express on all cores: `npx tsx examples/express-cluster/server.ts`, then http://localhost:3000/hello. Workers
 * share what is in the data folder; nothing else has to be said.
 */
import cluster from "node:cluster";
import { createServer as createHttp } from "node:http";
import { availableParallelism } from "node:os";
import express from "express";
import { channel, createServer, defineApp } from "holdfast";

if (cluster.isPrimary) {
  const workers = Number(process.env.WORKERS ?? availableParallelism());
  for (let i = 0; i < workers; i++) cluster.fork();
  cluster.on("exit", (worker) => {
    if (!worker.exitedAfterDisconnect) cluster.fork();
  });
} else {
  const app = defineApp({ channels: { news: channel({ presence: true }) } });
  const holdfast = createServer(app, {
    data: process.env.DATA ?? "./holdfast-data",
    apiKeys: process.env.API_KEY ? [process.env.API_KEY] : [],
  });
  const web = express();
  web.use(holdfast.handler);
  web.get("/hello", (_request, response) => void response.send(`hello from ${process.pid}`));

  const http = createHttp(web);
  await holdfast.attach(http);
  http.listen(Number(process.env.PORT ?? 3000), "127.0.0.1");
}
