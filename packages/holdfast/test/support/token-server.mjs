// A server with tokens in a process of its own, from the built package, on the folder that its parent names.
import { createServer, defineApp, jwt } from "../../dist/index.js";

const { data, secret, apiKey } = JSON.parse(process.argv[2]);
const app = defineApp({ authenticate: jwt({ secret }), channels: {} });
const server = createServer(app, { port: 0, pages: null, apiKeys: [apiKey], data });
process.on("disconnect", () => process.exit());
const { port } = await server.listen();
process.send?.({ port });
