/**
 * Takes the requests that open WebSockets from Node.js servers, for HTTP/1.1, HTTP/2, or both on one port, and hands upgrades
 * to other protocols back: a server may leave those aside and answer as usual (RFC 9110 §7.8), on which `curl --http2` and some
 * proxies rely.
 */
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
import { Server as TlsServer } from "node:tls";
import type { RawHeaders } from "../websocket/handshake-fields.js";
import { type Rejection, reject } from "../websocket/opening-handshake.js";
import { markRequestHead } from "./http-front.js";
import { pathOf, toOriginForm } from "./opening-request.js";

export type AttachableServer = Server | HttpsServer | Http2Server | Http2SecureServer;

/** Takes WebSockets from a server. */
export interface UpgradeHandlers {
  /** Paths of its WebSockets; undefined for all paths that no other handler takes. */
  readonly paths: readonly string[] | undefined;
  /** Added to the response to requests for other paths. */
  readonly advice?: string;
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Uint8Array) => void;
  /** An extended CONNECT whose `:protocol` is websocket. */
  readonly connect: (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders) => void;
  readonly refuseUpgrade: (socket: Duplex, rejection: Rejection) => void;
  readonly refuseStream: (stream: ServerHttp2Stream, rejection: Rejection) => void;
}

/** All handlers attached to one server, so that each request is taken or refused once. */
const attached = new WeakMap<AttachableServer, Attachment>();

interface Attachment {
  readonly all: Set<UpgradeHandlers>;
  /** Removes the listeners once the last handler has detached. */
  readonly detachments: readonly (() => void)[];
}

/**
 * Takes over requests that open WebSockets; other requests are unaffected.
 * @param isAnnounced whether the server's own settings already enable extended CONNECT
 * @returns a function that detaches it
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
    markRequestHead(request);
    toOriginForm(request);
    const taker = isWebSocketUpgrade(request) ? findHandlers(all, request.url) : undefined;
    if (taker) taker.upgrade(request, socket, head);
    // Other listeners answer this request.
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
    const taker = findHandlers(all, url);
    if (taker) taker.connect(stream, headers, raw);
    else if (server.listenerCount("connect") === 1) firstOf(all).refuseStream(stream, notHere(all, url));
  };
  // A server with a `request` listener would have Node.js answer 405 to a CONNECT that no listener takes.
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

function findHandlers(
  all: ReadonlySet<UpgradeHandlers>,
  url: string | undefined,
): UpgradeHandlers | undefined {
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
  return reject(404, `There is no WebSocket at ${pathOf(url ?? "/")}. WebSockets are at ${paths}.${advice}`);
}

function isWebSocketConnect(headers: IncomingHttpHeaders): boolean {
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

function isWebSocketUpgrade(request: IncomingMessage): boolean {
  const { upgrade = "" } = request.headers;
  if (upgrade === "websocket") return true;
  const protocols = upgrade.split(",");
  return protocols.some((name) => name.trim().toLowerCase() === "websocket");
}

/** Node.js (24.9 and later) asks this before it takes a request out of its server. */
interface Asking {
  shouldUpgradeCallback?: (request: IncomingMessage) => boolean;
}

/**
 * If Node.js asks, requests for other protocols stay with the server unless other listeners take upgrades, too.
 * @returns a function that undoes it
 */
function leaveOtherUpgrades(server: NodeJS.EventEmitter & Asking): () => void {
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
 * request once more, without the upgrade, and reads its body and further requests as on any connection.
 * @param head bytes received after the request's headers
 */
function answerWithoutUpgrade(
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
  server: NodeJS.EventEmitter,
): void {
  // Node.js leaves out fields beyond a number, and without all of them the body might end elsewhere. A response that is
  // still pending on this connection would come between.
  const maxFields = (server as Partial<Server>).maxHeadersCount ?? defaultHeadersCount;
  if ((maxFields > 0 && request.rawHeaders.length >= 2 * maxFields) || hasPendingResponse(socket)) {
    socket.destroy();
    return;
  }
  const { method, url, httpVersion, rawHeaders } = request;
  const requestLine = `${method} ${url} HTTP/${httpVersion}\r\n`;
  socket.unshift(Buffer.concat([Buffer.from(requestLine + fieldsWithout(rawHeaders), "latin1"), head]));
  // An https server gets its connections once TLS is established.
  server.emit(server instanceof TlsServer ? "secureConnection" : "connection", socket);
}

/** The default of Node.js. */
const defaultHeadersCount = 1000;

/** Whether an earlier request on the same connection is unanswered. */
export function hasPendingResponse(socket: Duplex): boolean {
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
