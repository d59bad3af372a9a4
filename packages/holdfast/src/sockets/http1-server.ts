/** The server for HTTP/1.1, and the times of its connections. */
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Clock } from "../time/clock.js";
import { answerClientError, timeoutCode } from "./client-errors.js";

export interface Http1ServerOptions {
  /** Time for a request's head to come; beyond, 408. */
  readonly handshakeTimeoutMs: number;
  /** Largest request head; beyond, 431. */
  readonly maxHandshakeBytes: number;
  /** A connection without a request ends after this time. */
  readonly keepAliveMs: number;
  readonly clock: Clock;
}

/** The newest request of each connection. */
const latest = new WeakMap<Duplex, IncomingMessage>();

/** A request's head has come, whatever becomes of it. */
export function noteHead(request: IncomingMessage): void {
  latest.set(request.socket, request);
}

/**
 * Node.js looks at its times before it reads the sockets: after a pause of the process, what it finds late may have come long
 * ago, or be on its way. So much more time shows it.
 */
export const lateGraceMs = 500;

export function createHttp1Server(options: Http1ServerOptions): Server {
  const { clock, handshakeTimeoutMs, maxHandshakeBytes, keepAliveMs } = options;
  const server = createServer({
    maxHeaderSize: maxHandshakeBytes,
    headersTimeout: handshakeTimeoutMs,
    // Bodies have a bound of their own, for all versions of HTTP.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, handshakeTimeoutMs),
  });
  server.timeout = keepAliveMs;
  // The size of the head bounds their number.
  server.maxHeadersCount = 0;
  server.on("request", noteHead);
  server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code !== timeoutCode) {
      answerClientError(error, socket);
      return;
    }
    const before = latest.get(socket);
    clock.setTimer(() => {
      // A head that has come meanwhile is another request's.
      if (latest.get(socket) === before && !socket.destroyed) answerClientError(error, socket);
    }, lateGraceMs);
  });
  server.on("timeout", (socket) => {
    const { bytesRead } = socket;
    clock.setTimer(() => {
      if (socket.bytesRead === bytesRead) socket.destroy();
    }, lateGraceMs);
  });
  return server;
}
