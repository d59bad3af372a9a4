/**
 * Pages for browsers, from a folder. They are few and small, so they are read once and served from memory: no request opens a
 * file or finds one missing. `app.js.br` beside `app.js` is what clients get that accept Brotli (RFC 7932), which compresses
 * better than the gzip made here, but too slowly to do it at each start.
 */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { extname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { HoldfastError } from "../errors.js";
import { type Representation, sendRepresentation } from "../requests/exchange.js";
import type { HeaderFields } from "../requests/origins.js";
import { shareBytes } from "../sockets/request-bounds.js";

/** @returns false if there is no such page, and nothing was answered */
export type PageHandler = (path: string, request: IncomingMessage, response: ServerResponse) => boolean;

interface Page extends Representation {
  readonly headers: HeaderFields;
  readonly contentHeaders: HeaderFields;
}

const compressible = /^(?:text\/|application\/json|application\/manifest|image\/svg)/;
/** Can neither run anything nor send anything anywhere, so that a policy would be bytes without effect. */
const inert = /^(?:text\/css|font\/)/;
const minGzippedBytes = 1400;
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

/**
 * Pages get everything from this server; their own scripts may set styles of elements.
 * @param connectSources what scripts may also connect to
 */
function contentSecurityPolicy(connectSources: readonly string[]): string {
  return [
    "default-src 'self'",
    ["connect-src 'self'", ...connectSources].join(" "),
    "form-action 'none'",
    "img-src 'self' data:",
    "style-src 'self' 'unsafe-inline'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

/**
 * @param policy of content, for all pages. @default everything from this server, and styles of elements
 * @returns undefined if the folder is missing, as in a build without pages
 * @throws HF_OPTION_INVALID when the folder holds more than 64 MiB, or a page asks for connections it cannot have
 */
export function createPages(folder: string, policy?: string): PageHandler | undefined {
  if (!existsSync(folder)) return undefined;
  const pages = readPages(folder, policy);
  return (path, request, response) => {
    const page = pages.get(path.endsWith("/") ? `${path}index.html` : path);
    // Relative addresses in a page are right only with the slash.
    if (page === undefined && pages.has(`${path}/index.html`)) return redirect(request, response);
    if (page === undefined) return false;
    shareBytes(response);
    sendRepresentation(request, response, page, page.headers, page.contentHeaders);
    return true;
  };
}

/** To the same address with a slash, by its last segment: right behind any prefix, and never to another host. */
function redirect({ url = "" }: IncomingMessage, response: ServerResponse): true {
  const query = url.includes("?") ? url.slice(url.indexOf("?")) : "";
  const path = url.slice(0, url.length - query.length);
  const name = path.slice(path.lastIndexOf("/") + 1);
  response.writeHead(308, { Location: `./${name}/${query}`, "Content-Length": 0 }).end();
  return true;
}

function readPages(folder: string, policy: string | undefined): ReadonlyMap<string, Page> {
  const pages = new Map<string, Page>();
  let bytes = 0;
  const names = new Set(readdirSync(folder, { recursive: true, encoding: "utf8" }));
  for (const name of names) {
    const file = join(folder, name);
    const stats = statSync(file);
    if (stats.isDirectory()) continue;
    bytes += stats.size;
    if (bytes > maxFolderBytes)
      throw invalidPages(`${folder} holds more than ${maxFolderBytes} bytes, which all stay in memory`);
    if (isBrotliOfAnother(name, names)) continue;
    const brotli = names.has(`${name}.br`) ? readFileSync(`${file}.br`) : undefined;
    const page = { bytes: readFileSync(file), modifiedMs: stats.mtimeMs, brotli };
    pages.set(`/${name.replaceAll("\\", "/")}`, toPage(name, page, policy));
  }
  return pages;
}

function isBrotliOfAnother(name: string, names: ReadonlySet<string>): boolean {
  return extname(name) === ".br" && names.has(name.slice(0, -".br".length));
}

interface PageFile {
  readonly bytes: Buffer;
  readonly modifiedMs: number;
  readonly brotli: Buffer | undefined;
}

function toPage(name: string, { bytes, modifiedMs, brotli }: PageFile, policy: string | undefined): Page {
  const contentType = contentTypes[extname(name)] ?? "application/octet-stream";
  const gzipped = compressible.test(contentType) ? gzipIfSmaller(bytes) : undefined;
  const connectSources = extname(name) === ".html" ? readConnectSources(name, bytes.toString()) : [];
  // Vite puts a hash of the content into the names below assets/.
  const isHashed = name.startsWith("assets");
  return {
    bytes,
    isCompressible: gzipped !== undefined || brotli !== undefined,
    gzipped,
    brotli,
    etag: `W/"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
    headers: {
      "Cache-Control": isHashed ? "public, max-age=31536000, immutable" : "no-cache",
      ...((gzipped || brotli) && { Vary: "Accept-Encoding" }),
    },
    contentHeaders: {
      "Content-Type": contentType,
      ...(!inert.test(contentType) && {
        "Content-Security-Policy": policy ?? contentSecurityPolicy(connectSources),
      }),
      "Referrer-Policy": "same-origin",
      "Last-Modified": new Date(modifiedMs).toUTCString(),
    },
  };
}

const connectSourcesTag = /<meta\s+name="holdfast-connect-src"\s+content="([^"]*)"/i;
/** Scheme, host and port of CSP's host sources: nothing that could end the directive. */
const hostSource = /^(?:https?|wss?):\/\/(?:\*\.)?[\w.-]+(?::(?:\d{1,5}|\*))?$/;

/**
 * What a page's scripts may connect to besides this server, as the page itself says:
 * `<meta name="holdfast-connect-src" content="https://api.example wss://api.example">`. Pages are the server owner's files.
 */
function readConnectSources(name: string, html: string): readonly string[] {
  const [, content = ""] = connectSourcesTag.exec(html.replace(/<!--[\s\S]*?-->/g, "")) ?? [];
  const sources = content.split(/\s+/).filter((source) => source !== "");
  const invalid = sources.find((source) => !hostSource.test(source));
  if (invalid !== undefined)
    throw invalidPages(
      `holdfast-connect-src of ${name} must list origins such as wss://api.example or http://127.0.0.1:*, but has ${JSON.stringify(invalid)}`,
    );
  return sources;
}

/** Compressed once for all requests; undefined if it saves less than a packet. */
function gzipIfSmaller(bytes: Buffer): Buffer | undefined {
  if (bytes.length < minGzippedBytes) return undefined;
  const gzipped = gzipSync(bytes, { level: 9 });
  return gzipped.length < bytes.length * 0.9 ? gzipped : undefined;
}

function invalidPages(fault: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `pages: ${fault}`, { details: { option: "pages" } });
}
