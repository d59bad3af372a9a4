/** Makes clients, for the entries of browsers and of Node.js, which differ in their WebSockets. */
import type { App } from "../../holdfast/src/app/define-app.js";
import { Client } from "./client.js";
import type { ServerAddress } from "./connection.js";
import { type ClientOptions, resolveClientOptions, type WebSocketClass } from "./options.js";
import { missingPage, toWebSocketUrl } from "./server-url.js";

/** @param webSocket the platform's, where that has another than the global one */
export function createClient<A extends App>(
  url: string | URL | undefined,
  options: ClientOptions,
  webSocket?: WebSocketClass,
): Client<A> {
  const resolved = resolveClientOptions(webSocket ? { webSocket, ...options } : options);
  const { location } = globalThis as { location?: { readonly href: string } };
  return new Client(addressOf(url, location?.href), resolved);
}

/** A page that is rendered on a server has no address there, and asks for nothing: what is missing is said when it does. */
function addressOf(url: string | URL | undefined, page: string | undefined): ServerAddress {
  const needsPage = url === undefined || String(url).startsWith("/");
  if (needsPage && page === undefined) return missingPage(url);
  return toWebSocketUrl(url, page);
}
