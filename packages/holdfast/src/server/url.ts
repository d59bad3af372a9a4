/** The address of a server as people type it. */

/** What names this machine, where a server listens on all of it or on itself alone. */
export function hostForUrl(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}
