/**
 * Socket.IO over WebSocket only: a client joins a room, and what a client publishes goes to the room. `--store URL` is a Redis whose
 * streams take it to the other nodes.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parseArgs } from "node:util";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { Redis } from "ioredis";
import { Server } from "socket.io";
import { answerAsks } from "./answer-asks.js";

const { values } = parseArgs({ options: { store: { type: "string" } } });
const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  ...(values.store !== undefined && { adapter: createAdapter(new Redis(values.store)) }),
});
io.on("connection", (socket) => {
  socket.on("subscribe", async (room: string, acknowledge: () => void) => {
    await socket.join(room);
    acknowledge();
  });
  socket.on("publish", (room: string, data: string, acknowledge?: () => void) => {
    io.to(room).emit("message", data);
    acknowledge?.();
  });
});
http.listen(0, "127.0.0.1", () => {
  const { port } = http.address() as AddressInfo;
  const { adapter, sockets } = io.of("/");
  answerAsks({
    port,
    stats: () => ({ connections: io.engine.clientsCount, sockets: sockets.size, rooms: adapter.rooms.size }),
  });
});
