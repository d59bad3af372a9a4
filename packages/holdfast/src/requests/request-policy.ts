/**
 * The one policy for everything that comes over HTTP, before anything is done: who sent the request, by which host name, and
 * whether the page that sent it may. The same for requests, streams and WebSockets, over HTTP/1.1 and HTTP/2, on the server's
 * own port and on a server it is attached to.
 *
 * It relies on what browsers say and pages cannot change: Host and Origin (RFC 9110 §7.2, RFC 6454), and what the request is
 * for (`Sec-Fetch-*`, https://w3c.github.io/webappsec-fetch-metadata/). Programs send only Host.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { ConnectionRequest } from "../sessions/identity.js";
import {
  type ForwardedRequest,
  isLoopbackAddress,
  type RequestSource,
  type TrustedProxies,
} from "./addresses.js";
import {
  type AllowedOrigins,
  corsHeaders,
  type HeaderFields,
  isLoopback,
  isOriginAllowed,
} from "./origins.js";
import { type HttpRefusal, refuse } from "./refusals.js";

/** What is read of a request. `headers` without HTTP/2's pseudo-fields. */
export interface PolicyRequest extends ForwardedRequest {
  /** Path and query: a target in absolute form (RFC 9112 §3.2.2) has been brought into origin form. */
  readonly url: string;
  /** The server of Node.js that accepted the connection. */
  readonly server: unknown;
}

/**
 * Who a path is for.
 * - `anyone`: nothing is checked, since everybody gets the same answer.
 * - `visitors`: pages, and the application's own paths. Links from anywhere may lead there.
 * - `clients`: channels and connections, for programs and for pages of allowed origins.
 * - `servers`: the application's own servers, with a key. Pages of other origins never get CORS fields.
 */
export type Audience = "anyone" | "visitors" | "clients" | "servers";

export interface RequestRule {
  readonly audience: Audience;
  /**
   * Whether a browser may display the answer, in a window or as an element of a page; then without the credentials it sends
   * by itself.
   */
  readonly mayBeDisplayed?: boolean;
}

export interface AdmittedRequest {
  readonly source: RequestSource;
  /** For authentication: without cookies where they must not count. */
  readonly request: ConnectionRequest;
  /** Fields of every answer, for the page that asked. */
  readonly cors: HeaderFields;
}

export interface RequestPolicyOptions {
  readonly allowedOrigins: AllowedOrigins;
  readonly trustedProxies: TrustedProxies;
  /** Whether only this machine can reach a server of Node.js: it listens on a loopback address or a Unix socket. */
  readonly isLocalOnly: (server: unknown) => boolean;
  /** Called for each refused page or host name. */
  readonly onRefused?: (facts: RefusedFacts) => void;
}

export interface RefusedFacts {
  readonly reason: string;
  readonly address: string;
  readonly origin?: string;
  /** Without its query. */
  readonly path: string;
}

const safeMethods: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);
/** Destinations of requests that scripts send; every other destination is an element or a window. */
const scriptDestinations: ReadonlySet<string> = new Set(["empty", "websocket"]);

export class RequestPolicy {
  readonly #options: RequestPolicyOptions;

  constructor(options: RequestPolicyOptions) {
    this.#options = options;
  }

  /** @param method `GET` for `CONNECT` and upgrade requests */
  decide(request: PolicyRequest, method: string, rule: RequestRule): AdmittedRequest | HttpRefusal {
    const { headers, url } = request;
    const { allowedOrigins, trustedProxies } = this.#options;
    const source = trustedProxies.sourceOf(request);
    const { audience } = rule;
    const refusal = audience === "anyone" ? undefined : this.#findRefusal(request, source, method, rule);
    if (refusal) {
      this.#report(request, source, refusal);
      return refusal;
    }
    const isAnonymous =
      audience === "clients" && (isDisplayed(headers) || this.#isFromUnlistedPage(headers, source.host));
    const allowed = (isAnonymous ? withoutCredentials(headers) : headers) as ConnectionRequest["headers"];
    return {
      source,
      // Only Set-Cookie is ever a list, and it means nothing in a request.
      request: { headers: allowed, url, address: source.address },
      cors: audience === "clients" ? corsHeaders(headers.origin, allowedOrigins) : {},
    };
  }

  #report({ url, headers }: PolicyRequest, { address }: RequestSource, { error }: HttpRefusal): void {
    const { origin } = headers;
    const path = url.split("?", 1)[0] as string;
    this.#options.onRefused?.({
      reason: error.message,
      address,
      path,
      ...(origin !== undefined && { origin }),
    });
  }

  #findRefusal(
    request: PolicyRequest,
    source: RequestSource,
    method: string,
    { audience, mayBeDisplayed = false }: RequestRule,
  ): HttpRefusal | undefined {
    const { headers } = request;
    const isLocal = this.#isLocal(request, source);
    const hostRefusal = isLocal ? this.#findHostRefusal(source.host) : undefined;
    if (hostRefusal) return hostRefusal;
    const isSafe = safeMethods.has(method);
    if (audience === "visitors" && isSafe) return undefined;
    const originRefusal = this.#findOriginRefusal(headers, source.host, isLocal);
    if (originRefusal) return originRefusal;
    if (audience === "visitors" || !isDisplayed(headers) || (mayBeDisplayed && isSafe)) return undefined;
    return refuse(403, "This address is for programs and scripts: a browser cannot display it.");
  }

  /** A request that a proxy got from elsewhere did not use a name that was made to point at this machine. */
  #isLocal({ server }: PolicyRequest, { isForwarded, address }: RequestSource): boolean {
    if (isForwarded && !isLoopbackAddress(address)) return false;
    return this.#options.isLocalOnly(server);
  }

  /**
   * Browsers send no Origin with what a page reads from its own host, and any name can be made to point at this machine (DNS
   * rebinding): so only this machine's names count, and those of allowed origins.
   */
  #findHostRefusal(host: string | undefined): HttpRefusal | undefined {
    const { allowedOrigins: allowed } = this.#options;
    // Browsers always send a host.
    if (host === undefined || allowed === "*") return undefined;
    const url = `http://${host}`;
    if (URL.canParse(url) && isLoopback(new URL(url).hostname)) return undefined;
    if (allowed.some((origin) => new URL(origin).host === host.toLowerCase())) return undefined;
    return refuse(
      403,
      `This server is only for this machine, and ${clip(host)} is not one of its names. Behind a proxy, list the proxy in trustedProxies; else add the page's origin to allowedOrigins.`,
    );
  }

  #findOriginRefusal(
    headers: IncomingHttpHeaders,
    host: string | undefined,
    isLocalOnly: boolean,
  ): HttpRefusal | undefined {
    const { allowedOrigins: allowed } = this.#options;
    const { origin } = headers;
    if (origin === undefined && allowed !== "*" && isFromOtherOrigin(headers))
      return refuse(403, "Pages of other origins must send their Origin: fetch without mode no-cors.");
    if (isOriginAllowed({ origin, host, allowed, isLocalOnly })) return undefined;
    return refuse(
      403,
      `Pages from ${clip(origin)} may not connect here. To allow them, add that origin to allowedOrigins.`,
    );
  }

  /** Whether the page may ask only because every page may. */
  #isFromUnlistedPage(headers: IncomingHttpHeaders, host: string | undefined): boolean {
    if (this.#options.allowedOrigins !== "*") return false;
    const { origin } = headers;
    // Without mode CORS browsers send no Origin with requests to other origins.
    if (origin === undefined) return isFromOtherOrigin(headers);
    return !isOriginAllowed({ origin, host, allowed: [], isLocalOnly: false });
  }
}

/** `same-site` is another origin, too: another subdomain, or another port. */
function isFromOtherOrigin({ "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  return site === "cross-site" || site === "same-site";
}

/** Whether the answer is for a window, or for an element such as an image, instead of a script. */
function isDisplayed(headers: IncomingHttpHeaders): boolean {
  const { "sec-fetch-mode": mode, "sec-fetch-dest": destination, accept } = headers;
  if (mode === "navigate" || mode === "nested-navigate") return true;
  if (destination !== undefined) return !scriptDestinations.has(String(destination));
  // Over plain http browsers leave out Sec-Fetch. This type is in every browser's Accept for a window, and in no program's.
  return mode === undefined && accept?.includes("application/xhtml+xml") === true;
}

/** Without cookies and the Authorization that browsers send by themselves (RFC 7617). A bearer token comes from a script. */
function withoutCredentials(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { cookie: _, authorization, ...rest } = headers;
  const isToken = /^bearer /i.test(authorization ?? "");
  return { ...rest, ...(isToken && { authorization }) };
}

function clip(text: string | undefined): string {
  return String(text).slice(0, 200);
}
