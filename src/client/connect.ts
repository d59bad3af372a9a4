/** Makes clients, for the entries of browsers and of Node.js, which differ in their WebSockets. */
import type { App } from "../app/define-app.js";
import { Client } from "./client.js";
import { type ClientOptions, resolveClientOptions, type WebSocketClass } from "./options.js";
import { toWebSocketUrl } from "./server-url.js";

/** @param webSocket the platform's, where that has another than the global one */
export function createClient<A extends App>(
  url: string | URL | undefined,
  options: ClientOptions,
  webSocket?: WebSocketClass,
): Client<A> {
  const resolved = resolveClientOptions(webSocket ? { webSocket, ...options } : options);
  const { location } = globalThis as { location?: { readonly href: string } };
  return new Client(toWebSocketUrl(url, location?.href), resolved);
}
