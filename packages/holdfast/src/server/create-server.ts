/** How a program creates a server. */
import { App } from "../app/define-app.js";
import { HoldfastError } from "../errors.js";
import type { ServerOptions } from "../options/options.js";
import { HoldfastServer } from "./server.js";

/**
 * Creates a server with an application, or open to everyone; `listen` starts it.
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function createServer<A extends App>(app: A, options?: ServerOptions): HoldfastServer<A>;
export function createServer(options?: ServerOptions): HoldfastServer;
export function createServer(first: App | ServerOptions = {}, second: ServerOptions = {}): HoldfastServer {
  if (!(first instanceof App)) return new HoldfastServer(undefined, first);
  for (const option of ["authenticate", "rulesFor"] as const)
    if (second[option] !== undefined)
      throw new HoldfastError(
        "HF_OPTION_INVALID",
        `${option} cannot be combined with an application, which defines its own`,
        {
          details: { option },
        },
      );
  return new HoldfastServer(first, second);
}
