/** The pages a browser shows, as static files. */
import { existsSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import sirv from "sirv";

export type PageHandler = (request: IncomingMessage, response: ServerResponse, next: () => void) => void;

/** Everything a page needs comes from this server; styles of elements may be set by its own scripts. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "connect-src 'self' ws: wss:",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** @returns undefined where the folder is missing, as in a build without pages */
export function createPages(folder: string): PageHandler | undefined {
  if (!existsSync(folder)) return undefined;
  return sirv(folder, {
    etag: true,
    setHeaders(response, pathname) {
      response.setHeader("Content-Security-Policy", contentSecurityPolicy);
      response.setHeader("X-Content-Type-Options", "nosniff");
      // Vite puts a hash of the content into the names below assets/.
      const isHashed = pathname.startsWith("/assets/");
      response.setHeader("Cache-Control", isHashed ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
}
