/**
 * Which pages may open connections. Browsers let any page on the web open a WebSocket to any host, this machine
 * included, and send its cookies along; the Origin field is what tells them apart (RFC 6454, RFC 6455 §10.2).
 */

/** Exact origins (`https://example.com`), or `*` for every page. */
export type AllowedOrigins = "*" | readonly string[];

export interface OriginCheck {
  /** The Origin field; clients that are no browsers send none, and are not kept out by it. */
  readonly origin: string | undefined;
  /** The Host field. */
  readonly host: string | undefined;
  readonly allowed: AllowedOrigins;
  /**
   * Whether the server listens on a loopback address only. Any name can be made to point there, so that a page has the
   * same host as the server is no proof that the server gave it out: then only names of this machine count.
   */
  readonly isLocalOnly: boolean;
}

export function isOriginAllowed({ origin, host, allowed, isLocalOnly }: OriginCheck): boolean {
  if (origin === undefined || allowed === "*" || allowed.includes(origin)) return true;
  const from = parseUrl(origin);
  const to = parseUrl(`http://${host ?? ""}`);
  if (from === undefined || to === undefined) return false;
  // Only host and port can be compared: behind a proxy that ends TLS the scheme differs.
  if (!isLocalOnly && withoutDefaultPort(from) === withoutDefaultPort(to)) return true;
  return isLoopback(from.hostname) && isLoopback(to.hostname);
}

function parseUrl(text: string): URL | undefined {
  try {
    return new URL(text);
  } catch {
    return undefined;
  }
}

function withoutDefaultPort(url: URL): string {
  return url.host.replace(/:(80|443)$/, "");
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
