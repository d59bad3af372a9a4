/** The connections and requests of a server, with the bounds of its options. */
import { refuseByPath } from "../http/router.js";
import type { TrustedProxies } from "../requests/trusted-proxies.js";
import { HttpFront } from "../sockets/http-front.js";
import { toOpeningRequest } from "../sockets/opening-request.js";
import { RequestBounds } from "../sockets/request-bounds.js";
import { systemClock } from "../sockets/system-clock.js";
import type { ResolvedOptions } from "./options.js";

/** Connections beyond the WebSockets', for pages, health, and refusals. */
const spareConnections = 500;

export function createRequestBounds(
  { requests, basePath }: ResolvedOptions,
  proxies: TrustedProxies,
): RequestBounds {
  return new RequestBounds({
    clock: systemClock,
    settings: requests,
    peerOf: (request) => proxies.requestPeerOf(toOpeningRequest(request)),
    refuse: (...refused) => refuseByPath(...refused, basePath),
  });
}

/** @throws HF_OPTION_INVALID when certificate or key are not accepted */
export function createFront(options: ResolvedOptions, proxies: TrustedProxies): HttpFront {
  const { tls, maxConnections, maxWaitingRequests, requests } = options;
  return new HttpFront({
    ...options,
    clock: systemClock,
    tls: tls ?? undefined,
    maxConnections: maxConnections && maxConnections + (maxWaitingRequests ?? 0) + spareConnections,
    keyOf: (remoteAddress) => proxies.socketKeyOf(remoteAddress),
    maxStreams: requests.maxPerConnection,
  });
}
