/**
 * The `ws` package with channels as an application would add them: a set of sockets for each. "+NAME" subscribes and is
 * answered with "+"; anything else is the name of a channel, a space, and what goes to its subscribers.
 */
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";
import { answerAsks } from "./answer-asks.js";

const channels = new Map<string, Set<WebSocket>>();
const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });

function subscribe(socket: WebSocket, name: string): void {
  const subscribers = channels.get(name) ?? new Set();
  channels.set(name, subscribers.add(socket));
  socket.on("close", () => {
    subscribers.delete(socket);
    if (subscribers.size === 0) channels.delete(name);
  });
  socket.send("+");
}

function publish(name: string, data: string): void {
  for (const socket of channels.get(name) ?? []) if (socket.readyState === WebSocket.OPEN) socket.send(data);
}

server.on("connection", (socket) => {
  socket.on("error", console.error);
  socket.on("message", (message) => {
    const text = String(message);
    if (text.startsWith("+")) {
      subscribe(socket, text.slice(1));
      return;
    }
    const space = text.indexOf(" ");
    publish(text.slice(0, space), text.slice(space + 1));
  });
});
server.on("listening", () => {
  const { port } = server.address() as AddressInfo;
  answerAsks({ port, stats: () => ({ connections: server.clients.size, channels: channels.size }) });
});
