/**
 * Requests that ask for another protocol than WebSocket. A server may leave that aside and answer as usual
 * (RFC 9110 §7.8); `curl --http2` and some proxies rely on it.
 */
import { type IncomingMessage, ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const protocols = (request.headers.upgrade ?? "").split(",");
  return protocols.some((name) => name.trim().toLowerCase() === "websocket");
}

/** Answers on a socket that Node.js has taken out of its HTTP server already, and ends it after that. */
export function answerWithoutUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  route: (request: IncomingMessage, response: ServerResponse) => void,
): void {
  if (!(socket instanceof Socket)) {
    socket.destroy();
    return;
  }
  socket.on("error", () => {});
  socket.resume();
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.end());
  route(request, response);
}
