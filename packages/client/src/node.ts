/** Entry of `@holdfast/client` in Node.js, which has no WebSocket before version 22: uses that of Holdfast. */
import type { AnyApp } from "../../holdfast/src/app/app-shape.js";
import { WebSocket } from "../../holdfast/src/sockets/web-socket.js";
import { withoutLocalStorage } from "../../holdfast/src/without-local-storage.js";
import type { Client } from "./client.js";
import { createClient } from "./connect.js";
import type { OptionsArgument } from "./options.js";

export * from "./index.js";

/**
 * Makes a client of a server. It connects when it is first used, or when `connect` is called, and reconnects by itself; so it may be
 * made in a module that is also loaded for server-side rendering.
 * @typeParam A the server's application: `typeof app`
 * @param url address of the server, such as "http://localhost:8000" (or https, ws, wss); with a path, that of the WebSocket
 * @throws HF_OPTION_INVALID if an option is invalid
 */
export function connect<A extends AnyApp = AnyApp>(
  url?: string | URL,
  ...[options = {}]: OptionsArgument<A>
): Client<A> {
  return withoutLocalStorage(() => createClient(url, options, WebSocket));
}
