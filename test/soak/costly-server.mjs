// The server for costly peers: the built package as it comes, with a room whose history is large.
import { channel, createServer, defineApp, jwt } from "../../packages/holdfast/dist/index.js";

const [publicKey, apiKey] = process.argv.slice(2);
const room = channel({
  history: { size: 1000, ttl: "1h" },
  tagsFilter: true,
  allow: { subscribe: "all", publish: "all", history: "all" },
});
const app = defineApp({ authenticate: jwt({ publicKeys: [publicKey] }), channels: { "room:{name}": room } });
const server = createServer(app, { port: 0, pages: null, data: null, apiKeys: [apiKey], audit: false });
const { port } = await server.listen();
for (let n = 0; n < 300; n++) {
  const noise = Math.random().toString(36).repeat(30);
  await server.publish("room:large", { n, text: `lorem ipsum dolor sit amet ${noise}` });
}
process.on("message", () => process.send({ cpu: process.cpuUsage(), stats: server.stats() }));
process.on("disconnect", () => process.exit());
process.send({ port });
