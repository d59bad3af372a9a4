/** Entry of `@holdfast/client` in browsers, and wherever the platform has a WebSocket of its own. */
import type { App } from "../../holdfast/src/app/define-app.js";
import type { Client } from "./client.js";
import { createClient } from "./connect.js";
import type { ClientOptions } from "./options.js";

export * from "./entry.js";

/**
 * A client of a server. It connects when it is first used, or told to (`connect`), and reconnects by itself; so it may stand in a
 * module that is also loaded where components are rendered on a server.
 * @typeParam A the server's application: `typeof app`
 * @param url "http://localhost:8000"; also https, ws and wss, with a path where it is not the usual one.
 * @default in a page, the server that the page came from
 * @throws HF_OPTION_INVALID naming what is not accepted
 */
export function connect<A extends App = App>(url?: string | URL, options: ClientOptions = {}): Client<A> {
  return createClient(url, options);
}
