/**
 * Answers that clients keep and ask about again: with an entity tag (RFC 9110 §8.8.3), 304 if unchanged, and gzip where the
 * client accepts it. Tags are weak, since the plain and the compressed form share one.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { HeaderFields } from "../requests/origins.js";

export interface Representation {
  readonly bytes: Uint8Array;
  /** Whether to look at `gzipped`, which may compress first. */
  readonly isCompressible: boolean;
  /** Undefined if compression saves nothing. */
  readonly gzipped: Uint8Array | undefined;
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
  const isGzipAccepted = body.isCompressible && acceptsGzip(requested["accept-encoding"]);
  const gzipped = isGzipAccepted ? body.gzipped : undefined;
  const bytes = gzipped ?? body.bytes;
  response.writeHead(200, {
    ...contentHeaders,
    "Content-Length": bytes.length,
    "X-Content-Type-Options": "nosniff",
    ...(gzipped && { "Content-Encoding": "gzip" }),
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

/** RFC 9110 §12.5.3. */
export function acceptsGzip(accepted = ""): boolean {
  const weights = new Map(
    accepted.split(",").map((each) => {
      const [name = "", ...parameters] = each.split(";").map((part) => part.trim().toLowerCase());
      const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice(2) ?? "1";
      return [name, Number(weight)] as const;
    }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}
