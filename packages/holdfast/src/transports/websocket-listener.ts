/** Turns requests to open a WebSocket into sessions, or refuses them with a sentence. */
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import type { Duplex } from "node:stream";
import type { AdmittedRequest, RequestPolicy, RequestRule } from "../requests/request-policy.js";
import type { Handler } from "../sessions/registry.js";
import { type AcceptedSocket, Acceptor } from "../sockets/acceptor.js";
import type { DriverContext } from "../sockets/driver-context.js";
import type { OpeningRequest } from "../sockets/opening-request.js";
import { type DeflateSettings, type RawHeaders, type Rejection, reject } from "../websocket/index.js";
import { jsonCodec } from "../wire/json-codec.js";
import type { Admission } from "./admission.js";
import { WebSocketEncodings } from "./websocket-encodings.js";
import { WebSocketTransport } from "./websocket-transport.js";

export interface WebSocketListenerOptions {
  readonly handler: Handler;
  readonly context: DriverContext;
  /** Without context takeover; nothing for no compression. */
  readonly compression: DeflateSettings | undefined;
  readonly policy: RequestPolicy;
  readonly rule: RequestRule;
  readonly admission: Admission;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export class WebSocketListener {
  readonly #options: WebSocketListenerOptions;
  readonly #acceptor: Acceptor;
  /** Between the decision on a request and the socket that it becomes. */
  readonly #admitted = new WeakMap<OpeningRequest, AdmittedRequest>();
  readonly #encodings = new WebSocketEncodings(jsonCodec);
  /** One function for all, since each connection keeps it. */
  readonly #onGone: (transport: WebSocketTransport) => void;

  constructor(options: WebSocketListenerOptions) {
    this.#options = options;
    const { admission } = options;
    this.#onGone = (transport) => admission.leave(transport);
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

  #findRefusal(request: OpeningRequest): Rejection | undefined {
    const { policy, rule, admission } = this.#options;
    const verdict = policy.decide(request, "GET", rule);
    const refusal = "status" in verdict ? verdict : admission.findRefusal(verdict);
    if (refusal) return reject(refusal.status, refusal.error.message, refusal.headers);
    this.#admitted.set(request, verdict as AdmittedRequest);
    return undefined;
  }

  #open(accepted: AcceptedSocket): void {
    const { handler, context, admission } = this.#options;
    const encoding = this.#encodings.for(accepted.deflate);
    const peer = admission.enter(this.#admitted.get(accepted.request) as AdmittedRequest);
    const transport = new WebSocketTransport(accepted, peer, encoding, context, this.#onGone);
    admission.add(transport);
    transport.start(handler.open(transport), accepted.head);
  }
}

/** Clients of the protocol may ask for JSON by name; one that asks for nothing gets JSON and no field. */
function chooseProtocol(offered: readonly string[]): string | undefined {
  return offered.includes("centrifuge-json") ? "centrifuge-json" : undefined;
}
