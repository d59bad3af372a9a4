/** The `ws` package, doing the same as engine-holdfast.ts. */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { answerAsks } from "./answer-asks.js";
import { deflateSettings, isCompressing, isCompressingByDefault } from "./engine-settings.js";

const { thresholdBytes: threshold, level, memLevel } = deflateSettings;
const server = new WebSocketServer({
  port: 0,
  host: "127.0.0.1",
  perMessageDeflate:
    isCompressingByDefault ||
    (isCompressing && {
      threshold,
      zlibDeflateOptions: { level, memLevel },
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
    }),
});
server.on("connection", (socket, { url }) => {
  socket.on("error", console.error);
  if (url === "/echo") socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  else
    socket.on("message", (data, isBinary) => {
      for (const client of server.clients)
        if (client !== socket && client.readyState === WebSocket.OPEN)
          client.send(data, { binary: isBinary });
    });
});
server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  answerAsks({ port, stats: () => ({ connections: server.clients.size }) });
});
