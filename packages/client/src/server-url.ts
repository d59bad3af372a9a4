/** The address of a server's WebSocket, from what people write for a server. */
import { HoldfastError } from "../../holdfast/src/errors.js";

const webSocketPath = "/connection/websocket";
const schemes: Readonly<Record<string, string>> = {
  "http:": "ws:",
  "https:": "wss:",
  "ws:": "ws:",
  "wss:": "wss:",
};
const advice = 'http://localhost:8000 would be one, and "/" the server of the page';

/**
 * @param page address of the page this runs in, if any
 * @throws HF_OPTION_INVALID where it is no address of a server, or there is neither an address nor a page
 */
export function toWebSocketUrl(server: string | URL | undefined, page: string | undefined): string {
  if (server === undefined && page === undefined) throw missingPage(server);
  const url = parse(server ?? "/", page);
  const scheme = url && schemes[url.protocol];
  if (!url || scheme === undefined || url.host === "")
    throw refuse("must be the address of a server", server);
  // What ends with a slash is where the server is mounted.
  const path = url.pathname.endsWith("/") ? url.pathname.slice(0, -1) + webSocketPath : url.pathname;
  return `${scheme}//${url.host}${path}${url.search}`;
}

/** What it comes to where an address is that of the page, and there is none. */
export function missingPage(server: string | URL | undefined): HoldfastError {
  return refuse("is needed where there is no page", server);
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

function refuse(fault: string, server: unknown): HoldfastError {
  const came = server === undefined ? "" : `, but is ${JSON.stringify(server)}`;
  return new HoldfastError("HF_OPTION_INVALID", `url ${fault}${came}; ${advice}`, {
    details: { option: "url" },
  });
}
