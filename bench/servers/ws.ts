/** The `ws` package with a broadcast as in its README: what one client sends goes to all others. */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { answerAsks } from "./answer-asks.js";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
server.on("connection", (socket) => {
  socket.on("error", console.error);
  socket.on("message", (data, isBinary) => {
    for (const client of server.clients)
      if (client !== socket && client.readyState === WebSocket.OPEN) client.send(data, { binary: isBinary });
  });
});
server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  answerAsks({ port, stats: () => ({ connections: server.clients.size }) });
});
