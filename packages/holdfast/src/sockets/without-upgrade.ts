/**
 * Requests that ask for another protocol than WebSocket. A server may leave that aside and answer as usual
 * (RFC 9110 §7.8); `curl --http2` and some proxies rely on it.
 */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { Server as TlsServer } from "node:tls";
import type { RawHeaders } from "../websocket/index.js";

export function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const { upgrade = "" } = request.headers;
  if (upgrade === "websocket") return true;
  const protocols = upgrade.split(",");
  return protocols.some((name) => name.trim().toLowerCase() === "websocket");
}

/** What newer versions of Node.js (from 24.9 on) ask before they take a request out of their server. */
interface Asking {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
}

/**
 * Where Node.js asks, requests for other protocols stay with the server unless others listen for upgrades, too.
 * @returns what undoes it
 */
export function leaveOtherUpgrades(server: NodeJS.EventEmitter & Asking): () => void {
  const original = server.shouldUpgradeCallback;
  if (original === undefined) return () => {};
  server.shouldUpgradeCallback = (request) =>
    isWebSocketUpgrade(request) || (server.listenerCount("upgrade") > 1 && original.call(server, request));
  return () => {
    server.shouldUpgradeCallback = original;
  };
}

/**
 * Hands a connection back that Node.js has taken out of its server for HTTP over an upgrade request: the server gets the
 * request once more, without the wish, and reads its body and further requests as it does on any connection.
 * @param head what came behind the request's head
 */
export function answerWithoutUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  server: NodeJS.EventEmitter,
): void {
  // Node.js leaves out fields beyond a number, and without all of them the body might end elsewhere. An answer that is
  // still under way on this connection would come between.
  const most = (server as Partial<Server>).maxHeadersCount ?? defaultHeadersCount;
  if ((most > 0 && request.rawHeaders.length >= 2 * most) || hasAnswerUnderWay(socket)) {
    socket.destroy();
    return;
  }
  const { method, url, httpVersion, rawHeaders } = request;
  const requestLine = `${method} ${url} HTTP/${httpVersion}\r\n`;
  socket.unshift(Buffer.concat([Buffer.from(requestLine + fieldsWithout(rawHeaders), "latin1"), head]));
  // A server for https gets its connections once TLS is there.
  server.emit(server instanceof TlsServer ? "secureConnection" : "connection", socket);
}

/** Of Node.js, where a server has no other. */
const defaultHeadersCount = 1000;

/** Whether a request before this one, on the same connection, has not been answered yet. */
export function hasAnswerUnderWay(socket: Duplex): boolean {
  return Boolean((socket as { _httpMessage?: unknown })._httpMessage);
}

/** RFC 9110 §7.8: Upgrade, and its mention in Connection, along with HTTP2-Settings (RFC 7540 §3.2.1). */
function fieldsWithout(rawHeaders: RawHeaders): string {
  const lines: string[] = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] as string;
    const value = rawHeaders[i + 1] as string;
    const lower = name.toLowerCase();
    if (lower === "upgrade" || lower === "http2-settings") continue;
    const kept = lower === "connection" ? withoutUpgradeOptions(value) : value;
    if (kept !== "") lines.push(`${name}: ${kept}\r\n`);
  }
  return `${lines.join("")}\r\n`;
}

function withoutUpgradeOptions(value: string): string {
  const options = value.split(",").map((option) => option.trim());
  return options.filter((option) => !/^(?:upgrade|http2-settings)$/i.test(option)).join(", ");
}
