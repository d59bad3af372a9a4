/** A request to open a WebSocket over any version of HTTP, as applications see it; and request targets. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Http2ServerRequest, ServerHttp2Stream } from "node:http2";
import type { Socket } from "node:net";
import type { RawHeaders } from "../websocket/handshake-fields.js";

/** Most properties are computed on first access, so unused ones cost nothing. */
export interface OpeningRequest {
  readonly httpVersion: "1.1" | "2.0";
  /** Path and query. */
  readonly url: string;
  /** Host and port as the client named them. */
  readonly host: string | undefined;
  readonly headers: IncomingHttpHeaders;
  /** Name, value, name, value … as received, without HTTP/2's pseudo-fields. */
  readonly rawHeaders: RawHeaders;
  /** Undefined once the connection is gone. */
  readonly remoteAddress: string | undefined;
  /** WebSockets over one HTTP/2 connection have the same. */
  readonly remotePort: number | undefined;
  /** The Node.js server that accepted the connection. */
  readonly server: unknown;
}

/** Node.js notes it there, undocumented and since its first versions. */
interface AcceptedBy {
  readonly server?: unknown;
}

/** An upgrade request of HTTP/1.1. */
export class UpgradeRequest implements OpeningRequest {
  readonly httpVersion = "1.1";
  readonly #message: IncomingMessage;

  constructor(message: IncomingMessage) {
    this.#message = message;
  }

  get url(): string {
    return this.#message.url ?? "/";
  }

  get host(): string | undefined {
    return this.#message.headers.host;
  }

  get headers(): IncomingHttpHeaders {
    return this.#message.headers;
  }

  get rawHeaders(): RawHeaders {
    return this.#message.rawHeaders;
  }

  get remoteAddress(): string | undefined {
    return this.#message.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#message.socket.remotePort;
  }

  get server(): unknown {
    return (this.#message.socket as AcceptedBy).server;
  }
}

/** An extended CONNECT of HTTP/2 (RFC 8441 §4). */
export class ConnectRequest implements OpeningRequest {
  readonly httpVersion = "2.0";
  readonly rawHeaders: RawHeaders;
  readonly #headers: IncomingHttpHeaders;
  readonly #stream: ServerHttp2Stream;

  /** @param headers with the pseudo-fields, and `rawHeaders` too */
  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders) {
    this.#stream = stream;
    this.#headers = headers;
    this.rawHeaders = rawHeaders.filter((_, i) => !(rawHeaders[i - (i % 2)] as string).startsWith(":"));
  }

  get url(): string {
    return this.#pseudoField(":path") ?? "/";
  }

  get host(): string | undefined {
    return this.#pseudoField(":authority") ?? this.#headers.host;
  }

  get headers(): IncomingHttpHeaders {
    return Object.fromEntries(Object.entries(this.#headers).filter(([name]) => !name.startsWith(":")));
  }

  get remoteAddress(): string | undefined {
    return this.#socket?.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.#socket?.remotePort;
  }

  get server(): unknown {
    return (this.#socket as AcceptedBy | undefined)?.server;
  }

  get #socket(): Socket | undefined {
    return this.#stream.session?.socket as Socket | undefined;
  }

  #pseudoField(name: string): string | undefined {
    return this.#headers[name] as string | undefined;
  }
}

/** The path of a request target, without its query. */
export function pathOf(url: string): string {
  const [, , rest = ""] = url.startsWith("/") ? ["", "", url] : (absoluteForm.exec(url) ?? ["", "", url]);
  return rest.startsWith("?") || rest === "" ? "/" : (rest.split("?", 1)[0] as string);
}

/**
 * Rewrites a request target in absolute form, as proxies may send it, to origin form.
 * RFC 9112 §3.2.2: a server must take it, and its authority counts instead of the Host field.
 */
export function toOriginForm(request: IncomingMessage): void {
  const [target, authority, rest = ""] = absoluteForm.exec(request.url ?? "") ?? [];
  if (target === undefined || authority === undefined) return;
  request.url = rest.startsWith("/") ? rest : `/${rest}`;
  request.headers.host = authority;
  const { rawHeaders } = request;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2)
    if (rawHeaders[i]?.toLowerCase() === "host") rawHeaders[i + 1] = authority;
}

/** Scheme, authority without a user's name (RFC 9110 §4.2.4), path and query. */
const absoluteForm = /^https?:\/\/(?:[^/?#@]*@)?([^/?#@]+)([/?][^#]*)?$/i;

/** An ordinary request in the form of one that opens a WebSocket. */
export function toOpeningRequest(message: IncomingMessage): OpeningRequest {
  if (message.httpVersionMajor < 2) return new UpgradeRequest(message);
  // The compatibility interface of node:http2.
  const { stream, headers, rawHeaders } = message as unknown as Http2ServerRequest;
  return new ConnectRequest(stream, headers, rawHeaders);
}
