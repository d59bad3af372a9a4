/** Attaches an acceptor to servers of Node.js: for HTTP/1.1, HTTP/2, or both on one port. */
import type { IncomingHttpHeaders, IncomingMessage, Server } from "node:http";
import type {
  Http2SecureServer,
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  ServerHttp2Stream,
} from "node:http2";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { type RawHeaders, type Rejection, reject } from "../websocket/index.js";
import { noteHead } from "./http1-server.js";
import { pathOf, toOriginForm } from "./opening-request.js";
import { answerWithoutUpgrade, isWebSocketUpgrade, leaveOtherUpgrades } from "./without-upgrade.js";

export type AttachableServer = Server | HttpsServer | Http2Server | Http2SecureServer;

/** What takes WebSockets from a server. */
export interface UpgradeHandlers {
  /** Where; undefined for every path that no other takes. */
  readonly paths: readonly string[] | undefined;
  /** What else is said to those who ask elsewhere. */
  readonly advice?: string;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
  /** An extended CONNECT whose `:protocol` is websocket. */
  readonly connect: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders) => void;
  readonly refuseUpgrade: (socket: Duplex, rejection: Rejection) => void;
  readonly refuseStream: (stream: ServerHttp2Stream, rejection: Rejection) => void;
}

/** All that take WebSockets from one server, so that each request is taken or refused once. */
const attached = new WeakMap<AttachableServer, Attachment>();

interface Attachment {
  readonly all: Set<UpgradeHandlers>;
  /** Takes the listeners away again: for the last one that leaves, whoever came first. */
  readonly detachments: readonly (() => void)[];
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
  const { all, detachments } = attached.get(server) ?? firstAttachment(server);
  all.add(handlers);
  // RFC 8441 §3: clients must not send an extended CONNECT before the server has said that it may. It is said first of
  // all, since many clients look at the first settings only; and never taken back, which the RFC forbids.
  if (isHttp2(server) && !isAnnounced) server.updateSettings({ enableConnectProtocol: true });
  return () => {
    all.delete(handlers);
    if (all.size > 0) return;
    attached.delete(server);
    for (const detach of detachments) detach();
  };
}

function firstAttachment(server: AttachableServer): Attachment {
  const all = new Set<UpgradeHandlers>();
  const attachment = { all, detachments: listenTo(server, all) };
  attached.set(server, attachment);
  return attachment;
}

function listenTo(server: AttachableServer, all: ReadonlySet<UpgradeHandlers>): (() => void)[] {
  const onUpgrade = (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    noteHead(request);
    toOriginForm(request);
    const taker = isWebSocketUpgrade(request) ? takerOf(all, request.url) : undefined;
    if (taker) taker.upgrade(request, socket, head);
    // Others listen, too, and answer this.
    else if (server.listenerCount("upgrade") > 1) return;
    else if (isWebSocketUpgrade(request)) firstOf(all).refuseUpgrade(socket, notHere(all, request.url));
    else answerWithoutUpgrade(request, socket, head, server);
  };
  const onStream = (
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    _flags: number,
    raw: RawHeaders,
  ) => {
    if (!isWebSocketConnect(headers)) return;
    const url = headers[":path"] as string | undefined;
    const taker = takerOf(all, url);
    if (taker) taker.connect(stream, headers, raw);
    else if (server.listenerCount("connect") === 1) firstOf(all).refuseStream(stream, notHere(all, url));
  };
  // Where requests are listened to, Node.js answers a CONNECT that nobody takes with 405.
  const onConnect = (request: Http2ServerRequest, response: Http2ServerResponse) => {
    if (isWebSocketConnect(request.headers) || server.listenerCount("connect") > 1) return;
    response.statusCode = 405;
    response.end();
  };
  const detachments = [listen(server, "upgrade", onUpgrade), leaveOtherUpgrades(server)];
  if (isHttp2(server))
    detachments.push(listen(server, "stream", onStream), listen(server, "connect", onConnect));
  return detachments;
}

function takerOf(all: ReadonlySet<UpgradeHandlers>, url: string | undefined): UpgradeHandlers | undefined {
  const path = pathOf(url ?? "/");
  const takers = [...all];
  return takers.find(({ paths }) => paths?.includes(path)) ?? takers.find(({ paths }) => paths === undefined);
}

function firstOf(all: ReadonlySet<UpgradeHandlers>): UpgradeHandlers {
  return all.values().next().value as UpgradeHandlers;
}

function notHere(all: ReadonlySet<UpgradeHandlers>, url: string | undefined): Rejection {
  const paths = [...all].flatMap((taker) => taker.paths ?? []).join(", ");
  const advice = [...all].map((taker) => taker.advice ?? "").join("");
  return reject(404, `There is no WebSocket at ${pathOf(url ?? "/")}, but at ${paths}.${advice}`);
}

export function isWebSocketConnect(headers: IncomingHttpHeaders): boolean {
  return headers[":method"] === "CONNECT" && headers[":protocol"] === "websocket";
}

function isHttp2(server: AttachableServer): server is Http2Server | Http2SecureServer {
  return "updateSettings" in server;
}

// biome-ignore lint/suspicious/noExplicitAny: listeners of different events take different arguments
function listen(server: AttachableServer, event: string, listener: (...args: any[]) => void): () => void {
  const emitter = server as NodeJS.EventEmitter;
  emitter.on(event, listener);
  return () => void emitter.off(event, listener);
}
