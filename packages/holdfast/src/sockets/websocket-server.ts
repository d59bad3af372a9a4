/**
 * A WebSocket server: attaches to the application's HTTP/1.1 or HTTP/2 servers, or listens itself.
 */
import {
  type IncomingMessage,
  type ServerResponse,
  validateHeaderName,
  validateHeaderValue,
} from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { HoldfastError, messageOf, refuseUnknownOptions } from "../errors.js";
import { connectionOptions, requestOptions } from "../options/limits.js";
import { defaultsOf, pickOptions, resolveOptions } from "../options/option.js";
import {
  type DeflateSettings,
  resolveDeflate,
  resolveSocketOptions,
  socketOptionNames,
  webSocketServerEntries,
} from "../options/websocket.js";
import type { DeflateOptions, SocketOptions, WebSocketServerLimits } from "../options/websocket-options.js";
import { Deadlines } from "../time/deadlines.js";
import { type Rejection, reject } from "../websocket/opening-handshake.js";
import { type AcceptedSocket, Acceptor } from "./acceptor.js";
import { HttpFront, type TlsOptions } from "./http-front.js";
import { type AttachableServer, attachTo, type UpgradeHandlers } from "./http-upgrade.js";
import { type OpeningRequest, pathOf, toOriginForm } from "./opening-request.js";
import { Flusher } from "./output.js";
import { RequestBounds } from "./request-bounds.js";
import { ServerWebSocket, type ServerWebSocketContext } from "./server-web-socket.js";
import { systemClock } from "./system-clock.js";

export interface WebSocketServerOptions extends SocketOptions, WebSocketServerLimits {
  /** The path of the WebSocket. @default every path that no other handler takes */
  readonly path?: string;
  /**
   * Called for each connection, before any of its messages. Set its handlers here, or start a loop over its messages,
   * before awaiting anything: messages without a handler are dropped.
   */
  readonly onConnection: (socket: ServerWebSocket, request: OpeningRequest) => unknown;
  /**
   * Decides who may connect: `undefined` accepts, a status and a message refuse. Browsers let pages of any origin connect and
   * send cookies along, so a server that relies on cookies must check the Origin field here.
   * @default everyone
   */
  readonly authorize?: (request: OpeningRequest) => Refusal | undefined | Promise<Refusal | undefined>;
  /** Selects one of the client's subprotocols; undefined for none. @default none */
  readonly chooseProtocol?: (offered: readonly string[], request: OpeningRequest) => string | undefined;
  /** permessage-deflate (RFC 7692), if the client offers it; `true` for the defaults. @default false */
  readonly compression?: boolean | DeflateOptions;
  /** Called with every background failure. @default a line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}

/** Why a request is refused. */
export interface Refusal {
  /** HTTP status, from 400 to 599. */
  readonly status: number;
  /** A sentence for the client's developer. */
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ListenOptions {
  /** @default a free one */
  readonly port?: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Certificate and key; without, the server speaks without TLS. */
  readonly tls?: TlsOptions;
  /** Whether HTTP/2 is spoken too, with TLS and without. @default true */
  readonly http2?: boolean;
  /** Maximum size of a request's headers, in bytes; beyond it, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /** Handles other requests. @default answers 426 */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Options of sockets are added to these. */
export const serverOptionNames: readonly string[] = [
  "path",
  "onConnection",
  "authorize",
  "chooseProtocol",
  "compression",
  ...Object.keys(webSocketServerEntries),
  "onError",
];
const maxDecisions = 10_000;
/** Bounds that only a server of Holdfast lets its owner change. */
const defaults = defaultsOf({ ...connectionOptions, ...requestOptions });
/** TCP connections beyond the WebSockets', for requests that open none, and refusals. */
const spareConnections = 500;

/** Names of options of the package `ws`, and what replaces them. */
const optionsOfWs: Readonly<Record<string, string>> = {
  port: "listen({ port })",
  host: "listen({ host })",
  server: "attach(server)",
  noServer: "attach(server)",
  verifyClient: "authorize",
  handleProtocols: "chooseProtocol",
  perMessageDeflate: "compression",
  maxPayload: "maxMessageBytes",
};

/** Opens WebSockets on HTTP servers, its own or the application's. */
export class WebSocketServer {
  readonly #options: WebSocketServerOptions;
  readonly #compression: DeflateSettings | undefined;
  readonly #maxConnections: number | null;
  readonly #handshakeTimeoutMs: number;
  readonly #onError: NonNullable<WebSocketServerOptions["onError"]>;
  readonly #context: ServerWebSocketContext;
  readonly #acceptor: Acceptor;
  readonly #bounds = new RequestBounds({
    clock: systemClock,
    settings: defaults.requests,
    peerOf: () => ({ key: undefined, isShared: false }),
    refuse: (_request, response, { status, message, headers }) => {
      response.writeHead(status, { "Content-Type": "text/plain; charset=utf-8", ...headers });
      response.end(`${message}\n`);
    },
  });
  readonly #sockets = new Set<ServerWebSocket>();
  readonly #detachments: (() => void)[] = [];
  #contexts = 0;
  #front: HttpFront | undefined;
  #isClosing = false;
  #closed: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  /** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
  constructor(options: WebSocketServerOptions) {
    refuseUnknownOptions(options, [...serverOptionNames, ...socketOptionNames], "", optionsOfWs);
    const { compression } = options;
    const { maxConnections, maxContexts, handshakeTimeoutMs } = resolveOptions(
      webSocketServerEntries,
      pickOptions(webSocketServerEntries, options),
    );
    if (typeof options.onConnection !== "function")
      throw new HoldfastError("HF_OPTION_INVALID", "onConnection must be a function");
    this.#options = options;
    this.#compression = compression ? resolveDeflate(compression === true ? {} : compression) : undefined;
    this.#maxConnections = maxConnections;
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
    this.#onError = options.onError ?? writeError;
    this.#context = {
      clock: systemClock,
      deadlines: new Deadlines(systemClock, this.#onError),
      flusher: new Flusher(),
      settings: resolveSocketOptions(options),
      onError: this.#onError,
      onGone: (socket) => this.#forget(socket),
    };
    this.#acceptor = new Acceptor({
      clock: systemClock,
      findRefusal: (request) => this.#findRefusal(request),
      findLateRefusal: () => this.#findOwnRefusal(),
      chooseProtocol: options.chooseProtocol,
      compression: this.#compression,
      hasRoomForContext: () => this.#contexts < maxContexts,
      decisionTimeoutMs: handshakeTimeoutMs,
      maxDecisions,
      onAccepted: (accepted) => this.#accept(accepted),
      onError: this.#onError,
    });
  }

  /** Open connections, those that are closing included. */
  get connections(): ReadonlySet<ServerWebSocket> {
    return this.#sockets;
  }

  /** The port this server listens on, if it listens itself. */
  get port(): number | undefined {
    return (this.#front?.listener.address() as AddressInfo | null | undefined)?.port;
  }

  /**
   * Opens WebSockets on a server of node:http, node:https or node:http2. If several are attached to one server, each
   * handles its own `path` only.
   */
  attach(server: AttachableServer): this {
    this.#attach(server, false);
    return this;
  }

  /** For the `upgrade` event of a server that this one is not attached to. Answers 404 for other paths than `path`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    toOriginForm(request);
    const path = pathOf(request.url ?? "/");
    if (this.#options.path !== undefined && path !== this.#options.path) {
      const message = `There is no WebSocket at ${path}. WebSockets are at ${this.#options.path}.`;
      this.#acceptor.refuseUpgrade(socket, reject(404, message));
      return;
    }
    this.#acceptor.upgrade(request, socket, head);
  }

  /**
   * Listens, for HTTP/1.1 and HTTP/2 on one port.
   * @returns the port
   * @throws HF_SERVER_LISTEN when the address is in use or not permitted, HF_SERVER_STATE when it is already listening
   */
  async listen(options: ListenOptions = {}): Promise<number> {
    const {
      port = 0,
      host = "127.0.0.1",
      http2 = true,
      maxHandshakeBytes = defaults.maxHandshakeBytes,
      tls,
      onRequest,
    } = options;
    if (this.#front || this.#isClosing)
      throw new HoldfastError(
        "HF_SERVER_STATE",
        "the server is already listening or was closed: create another",
      );
    const front = new HttpFront({
      clock: systemClock,
      tls,
      http2,
      handshakeTimeoutMs: this.#handshakeTimeoutMs,
      maxHandshakeBytes,
      maxConnections: this.#maxConnections && this.#maxConnections + spareConnections,
      limits: defaults,
      maxHandshakes: defaults.maxHandshakes,
      // Addresses are for the application to look at, in `authorize`.
      keyOf: () => undefined,
      maxStreams: defaults.requests.maxPerConnection,
    });
    this.#front = front;
    this.#attach(front.http1, true);
    if (front.http2) this.#attach(front.http2, true);
    const answer = onRequest ?? answerPlainRequest;
    const route = (request: IncomingMessage, response: ServerResponse) => {
      toOriginForm(request);
      if (this.#bounds.admit(request, response)) answer(request, response);
    };
    front.http1.on("request", route);
    front.http2?.on("request", route as never);
    try {
      await front.listen({ port, host });
    } catch (error) {
      this.#front = undefined;
      throw error;
    }
    if (this.#isClosing) {
      await front.close();
      throw new HoldfastError("HF_SERVER_STATE", "the server was closed before it was listening");
    }
    front.listener.on("error", (error) => this.#onError(error, { stage: "listening" }));
    return this.port as number;
  }

  /** Stops accepting connections, closes open ones with 1001, and resolves when all are gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    for (const detach of this.#detachments.splice(0)) detach();
    const isClosed = this.#front?.close();
    for (const socket of [...this.#sockets]) socket.close(1001, "the server is shutting down");
    if (this.#sockets.size > 0) await new Promise<void>((resolve) => (this.#onEmpty = resolve));
    this.#front?.terminate();
    await isClosed;
  }

  #attach(server: AttachableServer, isAnnounced: boolean): void {
    const acceptor = this.#acceptor;
    const handlers: UpgradeHandlers = {
      paths: this.#options.path === undefined ? undefined : [this.#options.path],
      upgrade: (...parts) => this.upgrade(...parts),
      connect: (...parts) => acceptor.connect(...parts),
      refuseUpgrade: (...parts) => acceptor.refuseUpgrade(...parts),
      refuseStream: (...parts) => acceptor.refuseStream(...parts),
    };
    this.#detachments.push(attachTo(server, handlers, isAnnounced));
  }

  #findRefusal(request: OpeningRequest): Rejection | undefined | Promise<Rejection | undefined> {
    const isFull = this.#findOwnRefusal();
    if (isFull) return isFull;
    const decision = this.#options.authorize?.(request);
    return decision instanceof Promise ? decision.then(toRejection) : toRejection(decision);
  }

  #findOwnRefusal(): Rejection | undefined {
    if (this.#isClosing) return reject(503, "The server is shutting down.", { "Retry-After": "1" });
    if (this.#maxConnections === null || this.#sockets.size < this.#maxConnections) return undefined;
    return reject(503, `The server has reached its limit of ${this.#maxConnections} connections.`, {
      "Retry-After": "5",
    });
  }

  #accept(accepted: AcceptedSocket): void {
    const socket = new ServerWebSocket(accepted, this.#context);
    this.#sockets.add(socket);
    if (keepsContext(accepted)) {
      this.#contexts++;
      accepted.stream.once("close", () => this.#contexts--);
    }
    try {
      socket.follow("handling a connection", this.#options.onConnection(socket, accepted.request));
    } catch (error) {
      this.#onError(error, { stage: "handling a connection" });
      socket.start(accepted.head);
      socket.close(1011, "internal error");
      return;
    }
    socket.start(accepted.head);
  }

  #forget(socket: ServerWebSocket): void {
    this.#sockets.delete(socket);
    if (this.#sockets.size === 0) this.#onEmpty?.();
  }
}

function keepsContext({ deflate }: AcceptedSocket): boolean {
  if (deflate === undefined) return false;
  return !deflate.agreement.serverNoContextTakeover || !deflate.agreement.clientNoContextTakeover;
}

function toRejection(refusal: Refusal | undefined): Rejection | undefined {
  if (refusal === undefined) return undefined;
  const { status, message, headers } = refusal;
  for (const [name, value] of Object.entries(headers ?? {})) {
    validateHeaderName(name);
    validateHeaderValue(name, value);
  }
  if (Number.isInteger(status) && status >= 400 && status <= 599) return reject(status, message, headers);
  throw new HoldfastError(
    "HF_OPTION_INVALID",
    `authorize must return undefined, or a status from 400 to 599 and a message, not ${JSON.stringify(refusal)}`,
  );
}

function answerPlainRequest(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { "Content-Type": "text/plain; charset=utf-8" });
  response.end("This is a WebSocket endpoint.\n");
}

function writeError(error: unknown, { stage }: { readonly stage: string }): void {
  process.stderr.write(`holdfast/websocket: ${stage}: ${messageOf(error)}\n`);
}
