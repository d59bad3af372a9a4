/**
 * An admitted request and its answer: query, token, body, and every answer in JSON, with an entity tag (RFC 9110 §8.8.3) and gzip where
 * clients keep it and ask about it again. The same for all paths, over HTTP/1.1 and HTTP/2. Streaming answers belong to transports/.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { ConnectionRequest, Credentials } from "../sessions/identity.js";
import { consumedBodyAdvice, isGone, readBody } from "../sockets/open-request.js";
import { encodeJson } from "../wire/payload.js";
import type { HeaderFields } from "./origins.js";
import { type HttpRefusal, type RefusalForm, refuse, sendRefusal } from "./refusals.js";
import type { AdmittedRequest } from "./request-policy.js";

const ignoreError = () => {};

export class HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly admitted: AdmittedRequest;
  /** Whether the connection ends with this answer; without effect over HTTP/2. */
  isLast = false;

  constructor(request: IncomingMessage, response: ServerResponse, admitted: AdmittedRequest) {
    this.request = request;
    this.response = response;
    this.admitted = admitted;
    // A broken connection closes the response, which is enough.
    response.on("error", ignoreError);
  }

  get method(): string {
    return this.request.method ?? "";
  }

  /** The client's address, as a trusted proxy names it or the socket has it. */
  get address(): string {
    return this.admitted.source.address;
  }

  get query(): URLSearchParams {
    return queryOf(this.admitted.request.url);
  }

  get credentials(): Credentials {
    const { request } = this.admitted;
    const token = tokenOf(request);
    return { request, ...(token && { token }) };
  }

  /** Whether the answer is complete, or nobody is left to read it. */
  get isClosed(): boolean {
    return isGone(this.response);
  }

  /** Calls back once it is closed; immediately if it already is. */
  onClosed(callback: () => void): void {
    if (this.isClosed) callback();
    else this.response.once("close", callback);
  }

  /** Header fields of every answer: CORS, and the end of the connection. */
  get headers(): HeaderFields {
    const { cors } = this.admitted;
    // RFC 9113 §8.2.2: HTTP/2 has no Connection.
    return this.isLast && this.request.httpVersionMajor < 2 ? { ...cors, Connection: "close" } : cors;
  }

  /** @returns the body; why it is refused; undefined if the client has gone, or was refused already */
  async readBytes(maxBytes: number): Promise<Buffer | HttpRefusal | undefined> {
    const body = await readBody(this.request, maxBytes);
    switch (body) {
      case "aborted":
        return undefined;
      case "large":
        // The rest of the body would have to be read before the next request.
        this.isLast = true;
        return refuse(413, `The body is too large: at most ${maxBytes} bytes are accepted.`);
      case "consumed":
        return refuse(500, consumedBodyAdvice);
      default:
        return body.bytes;
    }
  }

  /** The body as text in UTF-8. */
  async readText(maxBytes: number): Promise<string | HttpRefusal | undefined> {
    const body = await this.readBytes(maxBytes);
    return Buffer.isBuffer(body) ? body.toString("utf8") : body;
  }

  /** @param value an object, or JSON text */
  sendJson(status: number, value: object | string | Buffer): void {
    sendJson(this.response, status, value, this.headers);
  }

  /** Without effect once an answer has begun. */
  refuse(refusal: HttpRefusal, form: RefusalForm = "json"): void {
    if (!this.isClosed && !this.response.headersSent) sendRefusal(this.response, refusal, this.headers, form);
  }
}

/** The query of a request target. */
export function queryOf(url: string): URLSearchParams {
  const start = url.indexOf("?");
  return new URLSearchParams(start < 0 ? "" : url.slice(start + 1));
}

/** The bearer token (RFC 6750): of the Authorization field (§2.1), or else of `?token=` (§2.3). */
export function tokenOf({ headers, url }: ConnectionRequest): string | undefined {
  const [, inField] = /^bearer +(\S+) *$/i.exec(headers.authorization ?? "") ?? [];
  return inField ?? (queryOf(url).get("token") || undefined);
}

/** @returns undefined for invalid JSON */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns undefined unless the text is a JSON object */
export function parseJsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value = parseJson(text);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  return isObject ? (value as Record<string, unknown>) : undefined;
}

/** @param value an object, or JSON text */
export function sendJson(
  response: ServerResponse,
  status: number,
  value: object | string | Buffer,
  headers: HeaderFields = {},
): void {
  const body = typeof value === "string" || Buffer.isBuffer(value) ? value : encodeJson(value);
  response.writeHead(status, {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(body),
    "Cache-Control": "no-store",
    ...headers,
  });
  response.end(body);
}

export interface Representation {
  readonly bytes: Uint8Array;
  /** Whether to look at `gzipped`, which may compress first. */
  readonly isCompressible: boolean;
  /** Undefined if compression saves nothing. */
  readonly gzipped: Uint8Array | undefined;
  /** Preferred by those that accept it. */
  readonly brotli?: Uint8Array | undefined;
  /** `W/"…"` */
  readonly etag: string;
}

/**
 * @param headers of 200 and 304 alike
 * @param contentHeaders of 200 only
 */
export function sendRepresentation(
  { method, headers: requested, httpVersion }: IncomingMessage,
  response: ServerResponse,
  body: Representation,
  headers: HeaderFields,
  contentHeaders: HeaderFields,
): void {
  const fields = { ...headers, ETag: body.etag };
  if (isUnchanged(requested["if-none-match"], body.etag)) {
    // A connection of HTTP/1.1 persists by default (RFC 9112 §9.3).
    if (httpVersion === "1.1" && headers.Connection === undefined) response.removeHeader("Connection");
    response.writeHead(304, fields).end();
    return;
  }
  const { coding, bytes } = chooseCoding(body, requested["accept-encoding"]);
  response.writeHead(200, {
    ...contentHeaders,
    "Content-Length": bytes.length,
    "X-Content-Type-Options": "nosniff",
    ...(coding && { "Content-Encoding": coding }),
    ...fields,
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

/** RFC 9110 §13.1.2: compared weakly; `*` matches anything. */
function isUnchanged(requested: string | undefined, etag: string): boolean {
  if (requested === undefined) return false;
  const opaque = etag.slice("W/".length);
  return requested.split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === opaque);
}

/** RFC 9110 §12.5.3. Of codings that the client likes as well, the smaller. */
function chooseCoding(
  body: Representation,
  accepted = "",
): { readonly coding: "br" | "gzip" | undefined; readonly bytes: Uint8Array } {
  const plain = { coding: undefined, bytes: body.bytes };
  if (!body.isCompressible) return plain;
  const weights = new Map(
    accepted.split(",").map((each) => {
      const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
      return [name, Number(weight)] as const;
    }),
  );
  const others = weights.get("*") ?? 0;
  const gzip = weights.get("gzip") ?? weights.get("x-gzip") ?? others;
  const brotli = weights.get("br") ?? others;
  if (body.brotli && brotli > 0 && brotli >= gzip) return { coding: "br", bytes: body.brotli };
  const gzipped = gzip > 0 ? body.gzipped : undefined;
  return gzipped ? { coding: "gzip", bytes: gzipped } : plain;
}
