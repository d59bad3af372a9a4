/** A request to open a WebSocket, whatever HTTP it came over: what applications decide on. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { RawHeaders } from "../websocket/index.js";

export interface OpeningRequest {
  readonly httpVersion: "1.1" | "2.0";
  /** Path and query. */
  readonly url: string;
  /** Host and port as the client named them. */
  readonly host: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value … as they came, without HTTP/2's pseudo-fields. */
  readonly rawHeaders: RawHeaders;
  readonly remoteAddress: string | undefined;
  /** WebSockets over one HTTP/2 connection have the same. */
  readonly remotePort: number | undefined;
}

export function fromUpgrade(request: IncomingMessage): OpeningRequest {
  const { url = "/", headers, rawHeaders, socket } = request;
  return {
    httpVersion: "1.1",
    url,
    host: headers.host,
    headers,
    rawHeaders,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
  };
}

export function fromConnect(
  stream: ServerHttp2Stream,
  all: IncomingHttpHeaders,
  raw: RawHeaders,
): OpeningRequest {
  const headers = Object.fromEntries(Object.entries(all).filter(([name]) => !name.startsWith(":")));
  const authority = all[":authority"] as unknown as string | undefined;
  return {
    httpVersion: "2.0",
    url: (all[":path"] as string | undefined) ?? "/",
    host: authority ?? (headers.host as string | undefined),
    headers,
    rawHeaders: withoutPseudoFields(raw),
    remoteAddress: stream.session?.socket?.remoteAddress,
    remotePort: stream.session?.socket?.remotePort,
  };
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  return url.split("?", 1)[0] as string;
}

function withoutPseudoFields(raw: RawHeaders): RawHeaders {
  return raw.filter((_, i) => !(raw[i - (i % 2)] as string).startsWith(":"));
}
