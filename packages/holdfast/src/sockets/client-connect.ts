/**
 * A client's opening handshake: checks the URL and subprotocols, and sends it as an upgrade of HTTP/1.1 or as a
 * stream of an HTTP/2 connection.
 */
import { type ClientRequest, request as httpRequest } from "node:http";
import type { ClientHttp2Session, ClientHttp2Stream, IncomingHttpHeaders } from "node:http2";
import { request as httpsRequest, type RequestOptions } from "node:https";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { messageOf } from "../errors.js";
import {
  type ClientHandshake,
  type ClientHandshakeResult,
  checkConnectResponse,
  checkUpgradeResponse,
  findProtocolFault,
} from "../websocket/opening-handshake.js";
import { systemClock } from "./system-clock.js";

export interface ConnectOptions {
  readonly handshake: ClientHandshake;
  readonly timeoutMs: number;
  /** Sent besides those of the handshake. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: RequestOptions | undefined;
}

export interface ConnectEvents {
  opened(stream: Duplex, head: Uint8Array, result: ClientHandshakeResult & { isAccepted: true }): void;
  failed(message: string): void;
}

// The schemes differ in name only; node:http knows its own.
const schemes: Readonly<Record<string, string>> = {
  "ws:": "http:",
  "wss:": "https:",
  "http:": "http:",
  "https:": "https:",
};

/** @returns an http: or https: URL @throws DOMException SyntaxError */
export function parseAddress(url: string | URL): URL {
  const text = String(url);
  if (!URL.canParse(text)) throw syntaxError(`${JSON.stringify(text)} is not a URL`);
  const address = new URL(text);
  const scheme = schemes[address.protocol];
  if (scheme === undefined)
    throw syntaxError(`a WebSocket URL must begin with ws: or wss:, not ${address.protocol}`);
  if (address.hash !== "" || text.includes("#"))
    throw syntaxError(`a WebSocket URL cannot have a fragment, but ${JSON.stringify(text)} has one`);
  return new URL(`${scheme}${address.href.slice(address.protocol.length)}`);
}

/** @throws DOMException SyntaxError when a subprotocol is not a token or is repeated (RFC 6455 §4.1, item 10) */
export function parseProtocols(protocols: string | readonly string[]): readonly string[] {
  const names = (typeof protocols === "string" ? [protocols] : [...protocols]).map(String);
  const fault = findProtocolFault(names);
  if (fault !== undefined) throw syntaxError(fault);
  return names;
}

/** The exception of the standard (WHATWG WebSockets §3.1). */
export function syntaxError(message: string): DOMException {
  return new DOMException(message, "SyntaxError");
}

const maxHeadBytes = 16 * 1024;
const emptyBytes = new Uint8Array(0);

/** @param url http: or https: @returns a function that aborts it */
export function connectOverHttp1(url: URL, options: ConnectOptions, events: ConnectEvents): () => void {
  const { handshake, timeoutMs, headers, tls } = options;
  const all: RequestOptions = {
    headers: { ...headers, ...handshake.headers },
    agent: false,
    maxHeaderSize: maxHeadBytes,
    ...(url.protocol === "https:" && { ALPNProtocols: ["http/1.1"], ...tls }),
  };
  const request: ClientRequest = url.protocol === "https:" ? httpsRequest(url, all) : httpRequest(url, all);
  const cancelTimer = systemClock.setTimer(
    () => request.destroy(new Error(`the server did not answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  request.on("close", cancelTimer);
  request.on("error", (error) => events.failed(messageOf(error)));
  request.on("response", (response) => {
    response.on("error", () => {});
    response.destroy();
    events.failed(`the server answered ${response.statusCode} instead of 101`);
  });
  request.on("upgrade", (response, socket, head) => {
    cancelTimer();
    const { statusCode: status = 0, rawHeaders } = response;
    const result = checkUpgradeResponse(handshake, { status, rawHeaders });
    if (!result.isAccepted) {
      socket.on("error", () => {});
      socket.destroy();
      events.failed(result.message);
      return;
    }
    if (socket instanceof Socket) {
      socket.setTimeout(0);
      socket.setNoDelay(true);
    }
    events.opened(socket, head, result);
  });
  request.end();
  return () => request.destroy();
}

/** RFC 8441 §5. @returns a function that aborts it */
export function connectOverHttp2(
  session: ClientHttp2Session,
  url: URL,
  options: ConnectOptions,
  events: ConnectEvents,
): () => void {
  let stream: ClientHttp2Stream | undefined;
  let isOver = false;
  const cancelTimer = systemClock.setTimer(
    () => fail(`the server did not answer within ${options.timeoutMs} ms`),
    options.timeoutMs,
  );
  const fail = (message: string) => {
    if (isOver) return;
    isOver = true;
    cancelTimer();
    session.off("remoteSettings", start);
    session.off("localSettings", start);
    session.off("close", onClose);
    stream?.on("error", () => {});
    stream?.destroy();
    events.failed(message);
  };
  const onClose = () => fail("the HTTP/2 connection was closed");
  const start = () => {
    if (isOver || stream) return;
    if (!session.remoteSettings.enableConnectProtocol) {
      fail("the server does not support WebSockets over HTTP/2 (RFC 8441)");
      return;
    }
    try {
      stream = requestStream(session, url, options);
    } catch (error) {
      // The session takes no more requests, or can't send these fields.
      fail(messageOf(error));
      return;
    }
    stream.on("error", (error) => fail(messageOf(error)));
    stream.on("close", () => fail("the server closed the stream before it answered"));
    stream.on("response", (headers, _flags, ...[rawHeaders]: (readonly string[])[]) => {
      if (isOver || stream === undefined) return;
      const result = checkConnectResponse(options.handshake, {
        status: Number(headers[":status"]),
        rawHeaders: rawHeaders ?? flatten(headers),
      });
      if (!result.isAccepted) {
        fail(result.message);
        return;
      }
      isOver = true;
      cancelTimer();
      session.off("remoteSettings", start);
      session.off("localSettings", start);
      session.off("close", onClose);
      events.opened(stream, emptyBytes, result);
    });
  };
  // Many may wait for one session, which Node.js would report as a leak.
  session.setMaxListeners(Math.max(session.getMaxListeners(), session.listenerCount("close") + 10));
  session.on("close", onClose);
  if (session.closed || session.destroyed) queueMicrotask(onClose);
  // RFC 8441 §3: the server's settings must have enabled extended CONNECT.
  else if (hasSettings(session)) queueMicrotask(start);
  else {
    session.once("remoteSettings", start);
    // RFC 9113 §3.4: those of the server come before it acknowledges ours.
    session.once("localSettings", start);
  }
  return () => fail("closed before the connection was established");
}

/** Whether the server's settings have arrived. */
function hasSettings(session: ClientHttp2Session): boolean {
  if (session.connecting) return false;
  return session.remoteSettings.enableConnectProtocol || !session.pendingSettingsAck;
}

function requestStream(session: ClientHttp2Session, url: URL, { handshake, headers }: ConnectOptions) {
  const { Upgrade: _u, Connection: _c, "Sec-WebSocket-Key": _k, ...fields } = handshake.headers;
  return session.request(
    {
      ":method": "CONNECT",
      ":protocol": "websocket",
      ":scheme": url.protocol.slice(0, -1),
      ":path": url.pathname + url.search,
      ":authority": url.host,
      ...headers,
      ...fields,
    },
    { endStream: false },
  );
}

function flatten(headers: IncomingHttpHeaders): string[] {
  return Object.entries(headers).flatMap(([name, value]) =>
    name.startsWith(":") || value === undefined ? [] : [name, String(value)],
  );
}
