/**
 * The one policy for whatever comes over HTTP, before anything is done: whose request it is, by which name it was sent here,
 * and whether the page that sent it may. Ordinary requests, streams and WebSockets go by it alike, over HTTP/1.1 and HTTP/2,
 * on a port of the server's own or on a server that it is attached to.
 *
 * What browsers say of a request cannot be changed by a page: Host and Origin (RFC 9110 §7.2, RFC 6454), and where from and
 * what for (`Sec-Fetch-*`, https://w3c.github.io/webappsec-fetch-metadata/). Programs send none but Host.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from "node:http";
import type { ConnectionRequest } from "../sessions/identity.js";
import { isLoopbackAddress } from "./addresses.js";
import { corsHeaders, type HeaderFields } from "./cors.js";
import { type AllowedOrigins, isLoopback, isOriginAllowed } from "./origins.js";
import { type HttpRefusal, refuse } from "./refusals.js";
import type { RequestSource, TrustedProxies } from "./trusted-proxies.js";

/** What is looked at of a request. */
export interface PolicyRequest {
  readonly url: string;
  /** Host and port as they came. */
  readonly host: string | undefined;
  /** Without HTTP/2's pseudo-fields. */
  readonly headers: IncomingHttpHeaders;
  readonly remoteAddress: string | undefined;
  /** The server of Node.js that has accepted the connection. */
  readonly server: unknown;
}

/**
 * Whom a path is for.
 * - `anyone`: nothing is looked at, since the answer is the same for everybody.
 * - `visitors`: pages, and what an application answers itself. Links from anywhere lead there.
 * - `clients`: channels and connections, for programs and for pages of origins that are allowed.
 * - `servers`: for the application's own servers, with a key. Pages of other origins are never told that they may.
 */
export type Audience = "anyone" | "visitors" | "clients" | "servers";

export interface RequestRule {
  readonly audience: Audience;
  /** Whether a browser may show the answer by itself, as for an address that was typed: without what its user has signed in with. */
  readonly isShown?: boolean;
}

export interface AdmittedRequest {
  readonly source: RequestSource;
  /** For those who find out who asks: without cookies where these must not count. */
  readonly request: ConnectionRequest;
  /** Fields of every answer, for the page that asks. */
  readonly cors: HeaderFields;
}

/** A request that was admitted, and that has a method of its path. */
export interface HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly admitted: AdmittedRequest;
}

export interface RequestPolicyOptions {
  readonly allowedOrigins: AllowedOrigins;
  readonly trustedProxies: TrustedProxies;
  /** Whether only this machine can reach a server of Node.js: by a loopback address, or a Unix socket. */
  readonly isLocalOnly: (server: unknown) => boolean;
  /** Told of pages and names that are refused. */
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
/** What scripts ask for; every other destination is an element or a window. */
const scriptDestinations: ReadonlySet<string> = new Set(["empty", "websocket"]);

export class RequestPolicy {
  readonly #options: RequestPolicyOptions;

  constructor(options: RequestPolicyOptions) {
    this.#options = options;
  }

  /** @param method `CONNECT` and upgrade requests are `GET` */
  decide(request: PolicyRequest, method: string, rule: RequestRule): AdmittedRequest | HttpRefusal {
    const { headers, url } = request;
    const { allowedOrigins } = this.#options;
    const source = this.#options.trustedProxies.sourceOf({ ...addressOf(request), headers });
    const { audience } = rule;
    const fault = audience === "anyone" ? undefined : this.#findFault(request, source, method, rule);
    if (fault) {
      this.#tell(request, source, fault);
      return fault;
    }
    const isNobody = audience === "clients" && (isShown(headers) || this.#isStranger(headers, source.host));
    const shown = (isNobody ? withoutSignIn(headers) : headers) as ConnectionRequest["headers"];
    return {
      source,
      // Of a request, no field but Set-Cookie comes as a list, and that one means nothing here.
      request: { headers: shown, url, address: source.address },
      cors: audience === "clients" ? corsHeaders(headers.origin, allowedOrigins) : {},
    };
  }

  #tell({ url, headers }: PolicyRequest, { address }: RequestSource, { error }: HttpRefusal): void {
    const { origin } = headers;
    const path = url.split("?", 1)[0] as string;
    this.#options.onRefused?.({
      reason: error.message,
      address,
      path,
      ...(origin !== undefined && { origin }),
    });
  }

  #findFault(
    request: PolicyRequest,
    source: RequestSource,
    method: string,
    { audience, isShown: mayBeShown = false }: RequestRule,
  ): HttpRefusal | undefined {
    const { headers } = request;
    const isLocal = this.#isLocal(request, source);
    const fault = isLocal ? this.#findFaultOfHost(source.host) : undefined;
    if (fault) return fault;
    const isSafe = safeMethods.has(method);
    if (audience === "visitors" && isSafe) return undefined;
    return (
      this.#findFaultOfOrigin(headers, source.host, isLocal) ??
      (audience !== "visitors" && isShown(headers) && !(mayBeShown && isSafe)
        ? refuse(403, "This address is for programs, and for scripts of pages: a browser cannot show it.")
        : undefined)
    );
  }

  /** What came to a proxy from elsewhere did not come by a name that was made to point at this machine. */
  #isLocal({ server }: PolicyRequest, { isForwarded, address }: RequestSource): boolean {
    if (isForwarded && !isLoopbackAddress(address)) return false;
    return this.#options.isLocalOnly(server);
  }

  /**
   * Browsers send no Origin with what a page reads of its own host, and any name can be made to point at this machine
   * (DNS rebinding): then only its own names count, and those of pages that are admitted.
   */
  #findFaultOfHost(host: string | undefined): HttpRefusal | undefined {
    const { allowedOrigins: allowed } = this.#options;
    // Browsers always name one.
    if (host === undefined || allowed === "*") return undefined;
    const url = `http://${host}`;
    if (URL.canParse(url) && isLoopback(new URL(url).hostname)) return undefined;
    if (allowed.some((origin) => new URL(origin).host === host.toLowerCase())) return undefined;
    return refuse(
      403,
      `This server is for this machine, and ${quote(host)} is none of its names: name the proxy in trustedProxies, or the origin in allowedOrigins.`,
    );
  }

  #findFaultOfOrigin(
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
      `Pages from ${quote(origin)} may not connect here. Add that origin to allowedOrigins to admit them.`,
    );
  }

  /** A page that may ask only since every page may. */
  #isStranger(headers: IncomingHttpHeaders, host: string | undefined): boolean {
    if (this.#options.allowedOrigins !== "*") return false;
    const { origin } = headers;
    // Without mode CORS browsers send no Origin with what a page reads elsewhere.
    if (origin === undefined) return isFromOtherOrigin(headers);
    return !isOriginAllowed({ origin, host, allowed: [], isLocalOnly: false });
  }
}

/** RFC 9112 §3.2.2: where the target names a host, that one counts. */
function addressOf({ url, host, remoteAddress }: PolicyRequest) {
  if (url.startsWith("/") || !URL.canParse(url)) return { host, remoteAddress };
  return { host: new URL(url).host || host, remoteAddress };
}

/** `same-site` is another origin all the same: another name of the domain, or another port. */
function isFromOtherOrigin({ "sec-fetch-site": site }: IncomingHttpHeaders): boolean {
  return site === "cross-site" || site === "same-site";
}

/** Whether the answer is for a window, or for an element such as an image, rather than for a script. */
function isShown(headers: IncomingHttpHeaders): boolean {
  const { "sec-fetch-mode": mode, "sec-fetch-dest": destination, accept } = headers;
  if (mode === "navigate" || mode === "nested-navigate") return true;
  if (destination !== undefined) return !scriptDestinations.has(String(destination));
  // Browsers leave the others out where a name is plain http. All of them, and no program, ask for a window's content like this.
  return mode === undefined && accept?.includes("application/xhtml+xml") === true;
}

/** Cookies, and whatever a browser sends by itself in Authorization (RFC 7617). A bearer's token is put there by a script. */
function withoutSignIn(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { cookie: _, authorization, ...rest } = headers;
  const isToken = /^bearer /i.test(authorization ?? "");
  return { ...rest, ...(isToken && { authorization }) };
}

function quote(text: string | undefined): string {
  return String(text).slice(0, 200);
}
