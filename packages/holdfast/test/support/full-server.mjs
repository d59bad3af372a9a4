// A server with tokens and a small store, in a process of its own, from the built package.
import { channel, createServer, defineApp, jwt } from "../../dist/index.js";

const { data, secret, apiKey, store } = JSON.parse(process.argv[2]);
const app = defineApp({
  authenticate: jwt({ secret }),
  personalChannel: "inbox:{user}",
  channels: {
    "inbox:{user}": channel({}),
    "chat:{room}": channel({
      allow: { publish: "all" },
      history: { size: 100_000, bytes: 100_000_000, ttl: "7d" },
    }),
  },
});
const server = createServer(app, { port: 0, pages: null, apiKeys: [apiKey], data, store });
process.on("disconnect", () => process.exit());
const { port } = await server.listen();
process.send?.({ port });
