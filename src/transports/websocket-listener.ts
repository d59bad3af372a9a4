/** Turns requests to open a WebSocket into sessions, or refuses them with a sentence. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { Handler } from "../sessions/handler.js";
import { type AcceptedSocket, Acceptor } from "../sockets/acceptor.js";
import type { DriverContext } from "../sockets/driver-context.js";
import type { OpeningRequest } from "../sockets/opening-request.js";
import { type DeflateSettings, type RawHeaders, type Rejection, reject } from "../websocket/index.js";
import { jsonCodec } from "../wire/json-codec.js";
import { AddressCounts, type AddressLimits } from "./address-limits.js";
import { isLoopbackAddress } from "./addresses.js";
import { type AllowedOrigins, isOriginAllowed } from "./origins.js";
import type { RequestOrigin, TrustedProxies } from "./trusted-proxies.js";
import { WebSocketEncodings } from "./websocket-encodings.js";
import { WebSocketTransport } from "./websocket-transport.js";

export interface WebSocketListenerOptions {
  readonly handler: Handler;
  readonly context: DriverContext;
  /** Without context takeover; nothing for no compression. */
  readonly compression: DeflateSettings | undefined;
  readonly allowedOrigins: AllowedOrigins;
  /** Whether the server listens on a loopback address only. */
  readonly isLocalOnly: () => boolean;
  readonly trustedProxies: TrustedProxies;
  readonly addressLimits: AddressLimits;
  /** Most sockets, those that are closing included; `null` for no bound. */
  readonly maxConnections: number | null;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #acceptor: Acceptor;
  readonly #encodings = new WebSocketEncodings(jsonCodec);
  readonly #addresses: AddressCounts;
  readonly #transports = new Set<WebSocketTransport>();
  /** One function for all, since each connection keeps it. */
  readonly #onGone = (transport: WebSocketTransport) => this.#forget(transport);
  #isDraining = false;
  #onEmpty: (() => void) | undefined;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    this.#addresses = new AddressCounts({
      limits: options.addressLimits,
      clock: options.context.clock,
      countsLoopback: !options.trustedProxies.isEmpty,
    });
    this.#acceptor = new Acceptor({
      clock: options.context.clock,
      findRefusal: (request) => this.#findRefusal(request),
      chooseProtocol,
      compression: options.compression,
      // Nothing is waited for.
      decisionTimeoutMs: 1,
      maxDecisions: 0,
      onAccepted: (accepted) => this.#open(accepted),
      onError: options.onError,
    });
  }

  /** Sockets that are open, those that are closing included. */
  get sockets(): number {
    return this.#transports.size;
  }

  /** For the `upgrade` event of a server for HTTP/1.1. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    this.#acceptor.upgrade(request, socket, head);
  }

  /** For an extended CONNECT of HTTP/2. */
  connect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders): void {
    this.#acceptor.connect(stream, headers, rawHeaders);
  }

  /** What an ordinary request to the WebSocket's address is answered. */
  explain(request: IncomingMessage): Rejection {
    return this.#acceptor.explain(request);
  }

  /** Answers an upgrade request that is not for this listener, too. */
  refuseUpgrade(socket: Duplex, rejection: Rejection): void {
    this.#acceptor.refuseUpgrade(socket, rejection);
  }

  refuseConnect(stream: ServerHttp2Stream, rejection: Rejection): void {
    this.#acceptor.refuseStream(stream, rejection);
  }

  /** Takes no more, and resolves when all sockets are gone; cuts those that are left after the time. Called once. */
  async drain(timeoutMs: number): Promise<void> {
    this.#isDraining = true;
    if (this.#transports.size === 0) return;
    const cancel = this.#options.context.clock.setTimer(() => {
      for (const transport of this.#transports) transport.destroy();
    }, timeoutMs);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    cancel();
  }

  #open(accepted: AcceptedSocket): void {
    const { handler, context, trustedProxies } = this.#options;
    const encoding = this.#encodings.for(accepted.deflate);
    const { address } = trustedProxies.originOf(accepted.request);
    const place = this.#addresses.enter(address);
    const peer = { address, place };
    const transport = new WebSocketTransport(accepted, peer, encoding, context, this.#onGone);
    this.#transports.add(transport);
    transport.start(handler.open(transport), accepted.head);
  }

  #findRefusal(request: OpeningRequest): Rejection | undefined {
    const { maxConnections, trustedProxies } = this.#options;
    if (this.#isDraining) return reject(503, "The server is being ended.", { "Retry-After": "1" });
    const from = trustedProxies.originOf(request);
    const refusal = this.#addresses.findRefusal(from.address) ?? this.#findFaultOfPage(request, from);
    if (refusal) return refusal;
    if (maxConnections !== null && this.#transports.size >= maxConnections)
      return reject(503, `The server has its limit of ${maxConnections} connections.`, {
        "Retry-After": "5",
      });
    return undefined;
  }

  /** @returns a refusal of a page that may not connect */
  #findFaultOfPage({ headers: { origin } }: OpeningRequest, from: RequestOrigin): Rejection | undefined {
    const { allowedOrigins: allowed, isLocalOnly } = this.#options;
    const { host, isForwarded, address } = from;
    // What came to a proxy from elsewhere did not come by a name that was made to point at this machine.
    const isFromElsewhere = isForwarded && !isLoopbackAddress(address);
    if (isOriginAllowed({ origin, host, allowed, isLocalOnly: isLocalOnly() && !isFromElsewhere }))
      return undefined;
    return reject(
      403,
      `Pages from ${origin} may not connect here. Add that origin to allowedOrigins to admit them.`,
    );
  }

  #forget(transport: WebSocketTransport): void {
    this.#transports.delete(transport);
    this.#addresses.leave(transport.place);
    if (this.#transports.size === 0) this.#onEmpty?.();
  }
}

/** Clients of the protocol may ask for JSON by name; one that asks for nothing gets JSON and no field. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  return offered.includes("centrifuge-json") ? "centrifuge-json" : undefined;
}
