/**
 * The `ws` package with a broadcast as in its README: what one client sends goes to all others. At /acknowledge, the id that
 * a message begins with is sent back, and nothing else done.
 */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { answerAsks } from "./answer-asks.js";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
const idBytes = 10;
server.on("connection", (socket, { url }) => {
  socket.on("error", console.error);
  if (url === "/acknowledge") {
    socket.on("message", (data) => socket.send((data as Buffer).subarray(0, idBytes), { binary: false }));
    return;
  }
  socket.on("message", (data, isBinary) => {
    for (const client of server.clients)
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  });
});
server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  answerAsks({ port, stats: () => ({ connections: server.clients.size, unsentBytes: countUnsent() }) });
});

function countUnsent(): number {
  let bytes = 0;
  for (const { bufferedAmount } of server.clients) bytes += bufferedAmount;
  return bytes;
}
