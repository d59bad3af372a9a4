/**
 * The pages a browser shows. They are few and small, so they are read once and answered from memory: no request opens a
 * file, and none can find one missing.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { HoldfastError } from "../errors.js";
import { shareBytes } from "../sockets/request-bounds.js";
import { acceptsGzip } from "./accepts-gzip.js";

/** @returns false where there is no such page, and nothing was answered */
export type PageHandler = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

interface Page {
  readonly body: Buffer;
  /** Undefined where it would save nothing. */
  readonly gzipped: Buffer | undefined;
  readonly headers: Readonly<Record<string, string | number>>;
  readonly etag: string;
}

const compressible = /^(?:text\/|application\/json|application\/manifest|image\/svg)/;
const leastGzippedBytes = 1400;
const maxFolderBytes = 64 * 1024 * 1024;

const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".map": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

/** Everything a page needs comes from this server; styles of elements may be set by its own scripts. */
const contentSecurityPolicy = [
  "default-src 'self'",
  "connect-src 'self'",
  "form-action 'none'",
  "img-src 'self' data:",
  "style-src 'self' 'unsafe-inline'",
  "object-src 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");
/** The lab's page reads from servers that are opened for it, on ports that are free. */
const policyOfLab = contentSecurityPolicy.replace(
  "connect-src 'self'",
  "connect-src 'self' http://127.0.0.1:* ws://127.0.0.1:*",
);

/**
 * @returns undefined where the folder is missing, as in a build without pages
 * @throws HF_OPTION_INVALID when the folder holds more than 64 MiB
 */
export function createPages(folder: string): PageHandler | undefined {
  if (!existsSync(folder)) return undefined;
  const pages = readPages(folder);
  return (path, request, response) => {
    const page = pages.get(path.endsWith("/") ? `${path}index.html` : path);
    // What a page names beside itself is found only from the address with a slash.
    if (page === undefined && pages.has(`${path}/index.html`)) return redirect(request, response);
    if (page === undefined) return false;
    if (request.headers["if-none-match"] === page.etag) {
      response.writeHead(304, { ETag: page.etag }).end();
      return true;
    }
    const { gzipped } = page;
    const isGzipped = gzipped !== undefined && acceptsGzip(request.headers["accept-encoding"]);
    const body = isGzipped ? gzipped : page.body;
    const encoding = isGzipped ? { "Content-Encoding": "gzip" } : {};
    // All that read a page share its bytes.
    shareBytes(response);
    response.writeHead(200, { ...page.headers, ...encoding, "Content-Length": body.length });
    response.end(request.method === "HEAD" ? undefined : body);
    return true;
  };
}

/** To the same with a slash, by its last part, so that it holds behind any prefix, and leads to no other host. */
function redirect({ url = "" }: IncomingMessage, response: ServerResponse): true {
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const path = url.slice(0, url.length - query.length);
  const name = path.slice(path.lastIndexOf("/") + 1);
  response.writeHead(308, { Location: `./${name}/${query}`, "Content-Length": 0 }).end();
  return true;
}

function readPages(folder: string): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  let bytes = 0;
  for (const name of readdirSync(folder, { recursive: true, encoding: "utf8" })) {
    const file = join(folder, name);
    const { size, mtimeMs } = statSync(file);
    if (statSync(file).isDirectory()) continue;
    bytes += size;
    if (bytes > maxFolderBytes)
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `pages: ${folder} holds more than ${maxFolderBytes} bytes`,
      );
    pages.set(`/${name.replaceAll("\\", "/")}`, toPage(name, readFileSync(file), mtimeMs));
  }
  return pages;
}

function toPage(name: string, body: Buffer, modifiedMs: number): Page {
  // Weak, since it stands for the compressed form as well (RFC 9110 §8.8.3.3).
  const etag = `W/"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  const contentType = contentTypes[extname(name)] ?? "application/octet-stream";
  // Vite puts a hash of the content into the names below assets/.
  const gzipped = compressible.test(contentType) ? gzipWherePaid(body) : undefined;
  const isHashed = name.startsWith("assets");
  return {
    body,
    gzipped,
    etag,
    headers: {
      "Content-Type": contentType,
      ...(gzipped && { Vary: "Accept-Encoding" }),
      "Content-Security-Policy": /^lab[\\/]/.test(name) ? policyOfLab : contentSecurityPolicy,
      "Referrer-Policy": "same-origin",
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
      "Last-Modified": new Date(modifiedMs).toUTCString(),
      ETag: etag,
    },
  };
}

/** Once for all requests. Where it takes no packet less, nothing is won. */
function gzipWherePaid(body: Buffer): Buffer | undefined {
  if (body.length < leastGzippedBytes) return undefined;
  const gzipped = gzipSync(body, { level: 9 });
  return gzipped.length < body.length * 0.9 ? gzipped : undefined;
}
