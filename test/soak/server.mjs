// The server under soak: the built engine with short time limits, which tells what it holds when asked.
import { WebSocketServer } from "../../packages/holdfast/dist/websocket.js";

const errors = [];
const server = new WebSocketServer({
  compression: { thresholdBytes: 0, contextTakeover: process.argv.includes("takeover") },
  maxMessageBytes: 256 * 1024,
  maxUnsentBytes: 1024 * 1024,
  messageTimeoutMs: 2000,
  stallTimeoutMs: 2000,
  pingIntervalMs: 3000,
  pongTimeoutMs: 3000,
  closeTimeoutMs: 1000,
  handshakeTimeoutMs: 2000,
  onConnection(socket, { url }) {
    if (url === "/flood") flood(socket);
    else socket.onMessage = (data) => socket.send(data);
  },
  onError: (error, { stage }) => errors.push(`${stage}: ${error?.stack ?? error}`),
});

/** Sends without end to who asked for it, as fast as it is taken. */
function flood(socket) {
  const data = new Uint8Array(16 * 1024);
  const more = () => {
    while (socket.isOpen && socket.bufferedAmount < 512 * 1024) socket.send(data);
  };
  socket.onDrain = more;
  more();
}

const port = await server.listen();
process.on("message", () => {
  globalThis.gc();
  globalThis.gc();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send({
    connections: server.connections.size,
    held: heapUsed + external,
    rss,
    errors: errors.splice(0),
  });
});
process.on("disconnect", () => process.exit());
process.send({ port });
