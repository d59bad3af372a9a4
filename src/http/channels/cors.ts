/**
 * Which pages may read and write over plain HTTP: those that may open WebSockets. Pages of other origins are refused
 * before anything is done, since browsers send cookies along with what a page asks for, whosever page it is (RFC 6454 §8.1,
 * https://fetch.spec.whatwg.org/#http-cors-protocol).
 */
import type { IncomingMessage } from "node:http";
import { isLoopbackAddress } from "../../transports/addresses.js";
import { type AllowedOrigins, isLoopback, isOriginAllowed } from "../../transports/origins.js";
import type { RequestOrigin, TrustedProxies } from "../../transports/trusted-proxies.js";
import { replyError } from "../../wire/codes.js";
import type { HttpRefusal } from "./error-status.js";

export interface CorsOptions {
  readonly allowedOrigins: AllowedOrigins;
  readonly trustedProxies: TrustedProxies;
  /** Whether the server listens on a loopback address only. */
  readonly isLocalOnly: () => boolean;
}

/** How long browsers may remember what a preflight said. Chromium takes no more than two hours. */
const maxAgeSeconds = "7200";
const requestFields = "Authorization, Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID";
const exposedFields = "ETag, Retry-After";

export class Cors {
  readonly #options: CorsOptions;

  constructor(options: CorsOptions) {
    this.#options = options;
  }

  /** Whom a request comes from. */
  originOf({ headers, socket }: IncomingMessage): RequestOrigin {
    const host = (headers[":authority"] as string | undefined) ?? headers.host;
    return this.#options.trustedProxies.originOf({ remoteAddress: socket.remoteAddress, host, headers });
  }

  /** @returns why the page that asks may not, or undefined */
  findRefusal({ headers: { origin } }: IncomingMessage, from: RequestOrigin): HttpRefusal | undefined {
    const { allowedOrigins: allowed, isLocalOnly } = this.#options;
    const { host, isForwarded, address } = from;
    // What came to a proxy from elsewhere did not come by a name that was made to point at this machine.
    const isFromElsewhere = isForwarded && !isLoopbackAddress(address);
    const isLocal = isLocalOnly() && !isFromElsewhere;
    if (origin === undefined) return isLocal ? this.#findFaultOfHost(host) : undefined;
    if (isOriginAllowed({ origin, host, allowed, isLocalOnly: isLocal })) return undefined;
    return refuse(`pages from ${origin} may not ask here: add that origin to allowedOrigins to admit them`);
  }

  /** Fields that let the page read the answer. None where no page asks. */
  headersFor({ headers: { origin } }: IncomingMessage): Readonly<Record<string, string>> {
    if (origin === undefined) return none;
    const { allowedOrigins } = this.#options;
    // Where any page may ask, none may ask in somebody's name.
    const isNamed = allowedOrigins !== "*";
    return {
      "Access-Control-Allow-Origin": isNamed ? origin : "*",
      ...(isNamed && { "Access-Control-Allow-Credentials": "true" }),
      "Access-Control-Expose-Headers": exposedFields,
    };
  }

  /** What a preflight is answered, beside those. @param methods that the address takes */
  preflightHeaders(request: IncomingMessage, methods: string): Readonly<Record<string, string>> {
    return {
      ...this.headersFor(request),
      "Access-Control-Allow-Methods": methods,
      "Access-Control-Allow-Headers": requestFields,
      "Access-Control-Max-Age": maxAgeSeconds,
      Vary: "Origin",
    };
  }

  /**
   * Browsers send no Origin with what a page reads of its own host, and any name can be made to point at this machine:
   * then only its own names count, and those of pages that are admitted.
   */
  #findFaultOfHost(host: string | undefined): HttpRefusal | undefined {
    const { allowedOrigins: allowed } = this.#options;
    const url = `http://${host ?? ""}`;
    if (host === undefined || allowed === "*" || !URL.canParse(url)) return undefined;
    if (isLoopback(new URL(url).hostname)) return undefined;
    if (allowed.some((origin) => new URL(origin).host === host)) return undefined;
    return refuse(
      `this server is for this machine, and ${host} is none of its names: name the proxy in trustedProxies, or the origin in allowedOrigins`,
    );
  }
}

const none: Readonly<Record<string, string>> = Object.freeze({});

function refuse(reason: string): HttpRefusal {
  return { status: 403, error: replyError("permissionDenied", reason) };
}
