/**
 * `/console`: the page for those who run the server. It is the same for everybody and knows nothing; what it shows, it asks the API
 * for with the key that a person gives it. Without keys there would be nothing to show, so there is no page.
 */
import type { HttpExchange } from "../requests/exchange.js";
import { refuse } from "../requests/refusals.js";
import { createPages, type PageHandler } from "./pages.js";

export interface ConsoleRouteOptions {
  /** With the built page. */
  readonly folder: string;
  readonly hasKeys: boolean;
  /** Whether the option `console` has it on. */
  readonly isOn: boolean;
}

export const consolePath = "/console";

/** Stricter than for other pages: nothing inline, and no text becomes markup or code. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const withoutKeys = refuse(
  404,
  "The console needs a key: set apiKeys (--api-keys) and restart. It then asks for one of them.",
);
const switchedOff = refuse(404, "The console is off: the option console is false.");
const notBuilt = refuse(404, "The console is not part of this build: run npm run build.");

/** @returns a handler of requests to `/console` and below */
export function createConsoleRoute({ folder, hasKeys, isOn }: ConsoleRouteOptions) {
  let pages: PageHandler | null | undefined;
  return (path: string, exchange: HttpExchange): void => {
    const { request, response } = exchange;
    request.resume();
    // Read and compressed when it is first asked for, since most servers start without anybody looking.
    if (isOn && hasKeys) pages ??= createPages(folder, contentSecurityPolicy) ?? null;
    const below = path.slice(consolePath.length);
    if (pages?.(below, request, response)) return;
    const why = !isOn
      ? switchedOff
      : !hasKeys
        ? withoutKeys
        : pages
          ? refuse(404, `There is nothing at ${path}.`)
          : notBuilt;
    exchange.refuse(why, "text");
  };
}
