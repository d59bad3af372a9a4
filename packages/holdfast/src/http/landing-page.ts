/**
 * What a browser shows at `/` of a server without pages: that it works, and where everything is. One self-contained document
 * without scripts; programs, and every other path, still get 404.
 */
import { createHash } from "node:crypto";
import { sendRepresentation } from "../requests/exchange.js";
import { shareBytes } from "../sockets/request-bounds.js";
import type { PageHandler } from "./pages.js";

export interface LandingPageOptions {
  readonly version: string;
  /** Prefix of all paths; empty for none. */
  readonly basePath: string;
  /** Whether the console can be used. */
  readonly hasConsole: boolean;
  readonly paths: Readonly<Record<"webSocket" | "sse" | "httpStream" | "api", string>>;
}

export function createLandingPage(options: LandingPageOptions): PageHandler {
  const bytes = Buffer.from(render(options));
  const etag = `W/"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`;
  const page = { bytes, isCompressible: false, gzipped: undefined, etag };
  return (path, request, response) => {
    if (path !== "/" || !acceptsHtml(request.headers.accept)) return false;
    shareBytes(response);
    sendRepresentation(request, response, page, headers, contentHeaders);
    return true;
  };
}

/** Only for clients that name the type, as browsers do; programs accept anything. */
function acceptsHtml(accept = ""): boolean {
  return accept.toLowerCase().includes("text/html");
}

function render({ version, basePath, hasConsole, paths }: LandingPageOptions): string {
  const rows = [
    ["WebSocket", paths.webSocket, "For Holdfast's client and the SDKs of the Centrifuge protocol."],
    ["Server-sent events", paths.sse, "The same protocol where no WebSocket gets through."],
    ["HTTP stream", paths.httpStream, "The same, as lines of JSON."],
    ["Channel events", "/channels/{channel}/events", "For EventSource, curl and everything without an SDK."],
    ["Channel", "/channels/{channel}", "GET reads publications, or waits for the next. POST publishes."],
    [
      "Server API",
      `${paths.api}/{method}`,
      `For your own servers, with a key. <a href="api/openapi.json">OpenAPI</a>`,
    ],
    [
      "Console",
      "/console",
      hasConsole
        ? `What the server does, live, for those who have a key. <a href="console/">Open the console</a>`
        : `Off, since the server has no key: set <code>apiKeys</code> (<code>--api-keys</code>).`,
    ],
  ]
    .map(
      ([name, path, text]) =>
        `<div><dt>${name}</dt><dd><code>${basePath}${path}</code><p>${text}</p></dd></div>`,
    )
    .join("\n");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Holdfast is running</title>
<link rel="icon" href="data:image/svg+xml,${encodeURIComponent(icon)}">
<style>${style}</style>
</head>
<body>
<main>
<header>${mark}<span>Holdfast</span><small>${version}</small></header>
<h1>The server is running.</h1>
<p class="lead">Clients connect at these addresses.
<a class="health" href="health">Check health</a></p>
<dl>
${rows}
</dl>
<footer>This page appears because the server has no pages of its own. To serve a folder of pages, set the option
<code>pages</code> (<code>--pages</code>).</footer>
</main>
</body>
</html>
`;
}

const strokes =
  '<path d="M12 2v8"/><path d="M12 10c0 5-7 4-7 9.5"/><path d="M12 10c0 5 7 4 7 9.5"/><path d="M12 10v9.5"/><path d="M2 21.5h20"/>';
const mark = `<svg viewBox="0 0 24 24" aria-hidden="true">${strokes}</svg>`;
const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="#b23f0c" stroke-width="2" stroke-linecap="round">${strokes}</svg>`;

const style = `
:root{color-scheme:light dark;--paper:#f6f3ec;--surface:#fffdf9;--ink:#14262a;--soft:#50605f;--line:#e0d9cb;--accent:#b23f0c;--link:#0b615c;--code:#efe9dc}
@media (prefers-color-scheme:dark){:root{--paper:#0e1618;--surface:#152124;--ink:#e8eeea;--soft:#9fb2b0;--line:#263639;--accent:#ff9a60;--link:#7fd6ca;--code:#1f2e31}}
*{box-sizing:border-box;margin:0}
body{background:var(--paper);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue","Noto Sans",sans-serif}
main{max-width:46rem;margin:0 auto;padding:clamp(1.5rem,6vw,4.5rem) clamp(1rem,4vw,2rem)}
header{display:flex;align-items:center;gap:.6rem;font:600 1.125rem/1 "Iowan Old Style","Palatino Linotype",Palatino,"Noto Serif",Georgia,serif}
header svg{width:1.6rem;height:1.6rem;fill:none;stroke:var(--accent);stroke-width:1.9;stroke-linecap:round}
header small{color:var(--soft);font:.8125rem/1 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace}
h1{margin:1.75rem 0 .5rem;font:600 clamp(1.75rem,6vw,2.5rem)/1.15 "Iowan Old Style","Palatino Linotype",Palatino,"Noto Serif",Georgia,serif;letter-spacing:-.01em}
.lead{color:var(--soft)}
a{color:var(--link);text-underline-offset:.2em}
.health{white-space:nowrap}
a:focus-visible{outline:2px solid var(--accent);outline-offset:3px;border-radius:2px}
dl{margin:1.75rem 0;border:1px solid var(--line);border-radius:.875rem;background:var(--surface);overflow:hidden}
dl div{display:grid;grid-template-columns:11rem 1fr;gap:.25rem 1.25rem;padding:.9rem 1.25rem;border-top:1px solid var(--line)}
dl div:first-child{border-top:0}
dt{font-weight:600}
dd p{margin-top:.25rem;color:var(--soft);font-size:.9375rem}
code{padding:.1em .4em;border-radius:.35rem;background:var(--code);font:.875em/1.5 ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:.875rem}
@media (max-width:36rem){dl div{grid-template-columns:1fr;padding:.85rem 1rem}}
`;

/** Nothing is loaded or run, and only this style applies. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "img-src data:",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Whether there is a page at all depends on Accept. */
const headers = { "Cache-Control": "no-cache", Vary: "Accept" };
const contentHeaders = {
  "Content-Type": "text/html; charset=utf-8",
  "Content-Security-Policy": contentSecurityPolicy,
  "Referrer-Policy": "same-origin",
};
