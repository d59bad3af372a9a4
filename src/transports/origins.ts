/**
 * Which pages may open connections. Browsers let any page on the web open a WebSocket to any host, this machine
 * included, and send its cookies along; the Origin field is what tells them apart (RFC 6454, RFC 6455 §10.2).
 */

/** Exact origins (`https://example.com`), or `*` for every page. */
export type AllowedOrigins = "*" | readonly string[];

/**
 * @param origin the Origin field; clients that are no browsers send none, and are not kept out by it
 * @param host the Host field
 */
export function isOriginAllowed(
  origin: string | undefined,
  host: string | undefined,
  allowed: AllowedOrigins,
): boolean {
  if (origin === undefined || allowed === "*" || allowed.includes(origin)) return true;
  const from = parseUrl(origin);
  const to = parseUrl(`http://${host ?? ""}`);
  if (from === undefined || to === undefined) return false;
  // Only host and port can be compared: behind a proxy that ends TLS the scheme differs.
  if (withoutDefaultPort(from) === withoutDefaultPort(to)) return true;
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

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127(\.\d{1,3}){3}$/.test(hostname);
}
