/** Attaches an acceptor to servers of Node.js: for HTTP/1.1, HTTP/2, or both on one port. */
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import type { RawHeaders } from "../websocket/index.js";

export type AttachableServer = Server | HttpsServer | Http2Server | Http2SecureServer;

export interface UpgradeHandlers {
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
  /** An extended CONNECT whose `:protocol` is websocket. */
  readonly connect: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders) => void;
}

/**
 * Takes over what opens WebSockets; other requests go on as before.
 * @param isAnnounced whether the server's own settings say already that it takes an extended CONNECT
 * @returns what detaches it again
 */
export function attachTo(
  server: AttachableServer,
  handlers: UpgradeHandlers,
  isAnnounced = false,
): () => void {
  const detachments = [listen(server, "upgrade", handlers.upgrade)];
  if (isHttp2(server)) {
    if (!isAnnounced) detachments.push(listen(server, "session", allowExtendedConnect));
    detachments.push(
      listen(
        server,
        "stream",
        (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, raw: RawHeaders) => {
          if (isWebSocketConnect(headers)) handlers.connect(stream, headers, raw);
        },
      ),
      // Where requests are listened to, Node.js answers a CONNECT that nobody takes with 405.
      listen(server, "connect", (request: Http2ServerRequest, response: Http2ServerResponse) => {
        if (isWebSocketConnect(request.headers) || server.listenerCount("connect") > 1) return;
        response.statusCode = 405;
        response.end();
      }),
    );
  }
  return () => {
    for (const detach of detachments) detach();
  };
}

export function isWebSocketConnect(headers: IncomingHttpHeaders): boolean {
  return headers[":method"] === "CONNECT" && headers[":protocol"] === "websocket";
}

/** Whether others take extended CONNECTs from this server, too. Each that does listens to `connect`. */
export function isSharedForConnect(server: AttachableServer): boolean {
  return server.listenerCount("connect") > 1;
}

function isHttp2(server: AttachableServer): server is Http2Server | Http2SecureServer {
  return "updateSettings" in server;
}

/** RFC 8441 §3: clients must not send an extended CONNECT before the server has said that it may. */
function allowExtendedConnect(session: ServerHttp2Session): void {
  session.settings({ enableConnectProtocol: true });
}

// biome-ignore lint/suspicious/noExplicitAny: listeners of different events take different arguments
function listen(server: AttachableServer, event: string, listener: (...args: any[]) => void): () => void {
  const emitter = server as NodeJS.EventEmitter;
  emitter.on(event, listener);
  return () => void emitter.off(event, listener);
}
