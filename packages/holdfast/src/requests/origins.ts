/**
 * Which pages may connect, and read answers. Browsers let any page on the web open a WebSocket to any host, this machine
 * included, and send its cookies along; the Origin field is what tells pages apart (RFC 6454, RFC 6455 §10.2). The same
 * origins get the fields of CORS (https://fetch.spec.whatwg.org/#http-cors-protocol).
 */

/** Exact origins (`https://example.com`), or `*` for every page. */
export type AllowedOrigins = "*" | readonly string[];

export type HeaderFields = Readonly<Record<string, string>>;

export interface OriginCheck {
  /** The Origin field; programs that are not browsers send none, and are not restricted by it. */
  readonly origin: string | undefined;
  /** The Host field. */
  readonly host: string | undefined;
  readonly allowed: AllowedOrigins;
  /**
   * Whether the server listens on a loopback address only. Any name can be made to point there (DNS rebinding), so a page
   * with the server's own host did not necessarily come from the server: then only names of this machine count.
   */
  readonly isLocalOnly: boolean;
}

export function isOriginAllowed({ origin, host, allowed, isLocalOnly }: OriginCheck): boolean {
  if (origin === undefined || allowed === "*" || allowed.includes(origin)) return true;
  const from = parseUrl(origin);
  const to = parseUrl(`http://${host ?? ""}`);
  if (from === undefined || to === undefined) return false;
  // Only host and port are compared: behind a proxy that ends TLS the scheme differs.
  if (!isLocalOnly && withoutDefaultPort(from) === withoutDefaultPort(to)) return true;
  return isLoopback(from.hostname) && isLoopback(to.hostname);
}

/** Whether a host name or address is this machine's own. */
export function isLoopback(hostname: string): boolean {
  return (
    hostname === "localhost" ||
    hostname === "[::1]" ||
    hostname === "::1" ||
    /^127(\.\d{1,3}){3}$/.test(hostname)
  );
}

/** How long browsers may cache a preflight, in seconds. Chromium takes at most two hours. */
const preflightSeconds = "7200";
const usualFields = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID";
const exposedFields = "ETag, Retry-After";
/** RFC 9110 §5.6.2: names of fields. */
const fieldNames = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+){0,63}$/;

/**
 * Fields of every answer to an admitted page.
 * @param origin of the page, if a page sent the request
 */
export function corsHeaders(origin: string | undefined, allowed: AllowedOrigins): HeaderFields {
  if (origin === undefined) return allowed === "*" ? {} : { Vary: "Origin" };
  const common = { "Access-Control-Expose-Headers": exposedFields };
  // Where every page may ask, no page may use its user's credentials.
  if (allowed === "*") return { "Access-Control-Allow-Origin": "*", ...common };
  return {
    "Access-Control-Allow-Origin": origin,
    "Access-Control-Allow-Credentials": "true",
    ...common,
    Vary: "Origin",
  };
}

/**
 * Further fields of the answer to a preflight. A page that may ask may send any fields: they are checked with the request
 * itself.
 * @param requested the field Access-Control-Request-Headers
 */
export function preflightHeaders(methods: readonly string[], requested: string | undefined): HeaderFields {
  return {
    "Access-Control-Allow-Methods": methods.join(", "),
    "Access-Control-Max-Age": preflightSeconds,
    "Access-Control-Allow-Headers":
      requested !== undefined && fieldNames.test(requested) ? requested : usualFields,
  };
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function withoutDefaultPort(url: URL): string {
  return url.host.replace(/:(80|443)$/, "");
}
