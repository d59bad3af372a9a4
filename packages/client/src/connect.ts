/** Makes clients, for the entries of browsers and of Node.js, which differ in their WebSocket; and the address of a server. */
import type { AnyApp } from "../../holdfast/src/app/app-shape.js";
import { HoldfastError } from "../../holdfast/src/errors.js";
import { Client } from "./client.js";
import type { ServerAddress } from "./connection.js";
import { type ClientOptions, resolveClientOptions, type WebSocketClass } from "./options.js";

/** @param webSocket the default for `options.webSocket` */
export function createClient<A extends AnyApp>(
  url: string | URL | undefined,
  options: ClientOptions,
  webSocket?: WebSocketClass,
): Client<A> {
  const resolved = resolveClientOptions(webSocket ? { webSocket, ...options } : options);
  const { location } = globalThis as { location?: { readonly href: string } };
  return new Client(addressOf(url, location?.href), resolved);
}

/** When a page is rendered on a server there is no address, nor a need for one: the error is thrown if the client connects. */
function addressOf(url: string | URL | undefined, page: string | undefined): ServerAddress {
  const needsPage = url === undefined || String(url).startsWith("/");
  if (needsPage && page === undefined) return missingPage(url);
  return toWebSocketUrl(url, page);
}

const webSocketPath = "/connection/websocket";
const schemes: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};
const advice = 'such as http://localhost:8000, or "/" for the server of the page';

/**
 * @param page address of the page this runs in, if any
 * @throws HF_OPTION_INVALID if it is not the address of a server, or is relative and there is no page
 */
export function toWebSocketUrl(server: string | URL | undefined, page: string | undefined): string {
  if (server === undefined && page === undefined) throw missingPage(server);
  const url = parse(server ?? "/", page);
  const scheme = url && schemes[url.protocol];
  if (!url || scheme === undefined || url.host === "")
    throw invalidUrl("must be the address of a server", server);
  // With a trailing slash, it is where the server is mounted.
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) + webSocketPath : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}

function missingPage(server: string | URL | undefined): HoldfastError {
  return invalidUrl("is required outside of a page", server);
}

function parse(server: string | URL, page: string | undefined): URL | undefined {
  const text = String(server);
  const isRelative = text.startsWith("/");
  try {
    return isRelative ? new URL(text, page) : new URL(text.includes("://") ? text : `http://${text}`);
  } catch {
    return undefined;
  }
}

function invalidUrl(fault: string, server: unknown): HoldfastError {
  const came = server === undefined ? "" : `; it is ${JSON.stringify(server)}`;
  return new HoldfastError("HF_OPTION_INVALID", `url ${fault}, ${advice}${came}`, {
    details: { option: "url" },
  });
}
