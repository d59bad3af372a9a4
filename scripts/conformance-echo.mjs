// `npm run conformance:echo -- --port 9001 [--deflate]`: a plain echo server on the engine, for a fuzzing client such as
// the public Autobahn suite's.
import { parseArgs } from "node:util";
import { fail, prepare } from "./prepare.mjs";

const usage =
  "Usage: npm run conformance:echo -- [--port 9001] [--host 127.0.0.1] [--deflate]\n" +
  "  --deflate  accept permessage-deflate, with context takeover where the client wants it";

let options;
try {
  options = parseArgs({
    options: {
      port: { type: "string", default: "9001" },
      host: { type: "string", default: "127.0.0.1" },
      deflate: { type: "boolean", default: false },
      help: { type: "boolean", short: "h" },
    },
  }).values;
} catch (error) {
  fail(`${error.message}\n${usage}`);
}
const port = Number(options.port);
if (options.help || !Number.isInteger(port) || port < 0 || port > 65_535)
  fail(options.help ? usage : `--port must be an integer from 0 to 65535, but is ${options.port}\n${usage}`);
prepare();
const { WebSocketServer } = await import("../packages/holdfast/dist/websocket.js");
const server = new WebSocketServer({
  // The suite goes up to 16 MiB.
  maxMessageBytes: 16 * 1024 * 1024,
  maxUnsentBytes: 64 * 1024 * 1024,
  compression: options.deflate && { contextTakeover: true, thresholdBytes: 0 },
  onConnection(socket) {
    socket.onMessage = (data) => socket.send(data);
  },
});
const listening = await server.listen({ port, host: options.host }).catch((error) => fail(error.message));
process.stdout.write(
  `echoing on ws://${options.host}:${listening}/${options.deflate ? ", with compression" : ""}\n`,
);
for (const signal of ["SIGINT", "SIGTERM"])
  process.once(signal, () => server.close().then(() => process.exit()));
