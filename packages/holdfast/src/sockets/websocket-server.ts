/**
 * A WebSocket server: attaches to servers for HTTP that the application has, of version 1.1 or 2, or listens itself.
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
import { webSocketServerEntries } from "../options/websocket.js";
import type { WebSocketServerLimits } from "../options/websocket-options.js";
import { Deadlines } from "../time/deadlines.js";
import { type Rejection, reject } from "../websocket/opening-handshake.js";
import { type DeflateOptions, type DeflateSettings, resolveDeflate } from "../websocket/options.js";
import { type AcceptedSocket, Acceptor } from "./acceptor.js";
import { HttpFront, type TlsOptions } from "./http-front.js";
import { type AttachableServer, attachTo, type UpgradeHandlers } from "./http-upgrade.js";
import { type OpeningRequest, pathOf, toOriginForm } from "./opening-request.js";
import { resolveSocketOptions, type SocketOptions, socketOptionNames } from "./options.js";
import { Flusher } from "./output.js";
import { RequestBounds } from "./request-bounds.js";
import { ServerWebSocket, type ServerWebSocketContext } from "./server-web-socket.js";
import { systemClock } from "./system-clock.js";

export interface WebSocketServerOptions extends SocketOptions, WebSocketServerLimits {
  /** The path at which WebSockets are opened. @default every path that nothing else takes */
  readonly path?: string;
  /**
   * Called for each connection, before any of its messages. Set its handlers here, or begin a loop over its messages,
   * before anything is awaited: messages without a handler are dropped.
   */
  readonly onConnection: (socket: ServerWebSocket, request: OpeningRequest) => unknown;
  /**
   * Decides who may connect: `undefined` admits, a status and a sentence refuse. Browsers let pages of any origin connect and
   * send cookies along, so a server that relies on cookies must look at the Origin field here.
   * @default everyone may
   */
  readonly authorize?: (request: OpeningRequest) => Refusal | undefined | Promise<Refusal | undefined>;
  /** Chooses among the subprotocols that the client offers; undefined for none. @default none is chosen */
  readonly chooseProtocol?: (offered: readonly string[], request: OpeningRequest) => string | undefined;
  /** permessage-deflate (RFC 7692), where the client offers it; `true` for the defaults. @default false */
  readonly compression?: boolean | DeflateOptions;
  /** Every failure in the background ends here. @default one line to standard error */
  readonly onError?: (error: unknown, context: { readonly stage: string }) => void;
}

/** Why a request opens no WebSocket. */
export interface Refusal {
  /** Of HTTP, from 400 to 599. */
  readonly status: number;
  /** One sentence for whoever reads the answer. */
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
  /** Largest request head, in bytes; beyond, 431. @default 16 KiB */
  readonly maxHandshakeBytes?: number;
  /** Answers requests that open no WebSocket. @default 426 with a sentence */
  readonly onRequest?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** Those of sockets come on top. */
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

/** What options of the package `ws` are called here. */
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

/** Opens WebSockets on servers for HTTP, its own or the application's. */
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

  /** The port this server listens on, where it listens itself. */
  get port(): number | undefined {
    return (this.#front?.listener.address() as AddressInfo | null | undefined)?.port;
  }

  /**
   * Opens WebSockets on a server of node:http, node:https or node:http2. Where several take upgrade requests from one
   * server, each leaves those to the others whose `path` is not its own.
   */
  attach(server: AttachableServer): this {
    this.#attach(server, false);
    return this;
  }

  /** For the `upgrade` event of a server that this one is not attached to. Elsewhere than at `path` it answers 404. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    toOriginForm(request);
    const path = pathOf(request.url ?? "/");
    if (this.#options.path !== undefined && path !== this.#options.path) {
      const message = `There is no WebSocket at ${path}, but at ${this.#options.path}.`;
      this.#acceptor.refuseUpgrade(socket, reject(404, message));
      return;
    }
    this.#acceptor.upgrade(request, socket, head);
  }

  /**
   * Listens, for HTTP/1.1 and HTTP/2 on one port.
   * @returns the port
   * @throws HF_SERVER_LISTEN when the address is taken or may not be used, HF_SERVER_STATE when it is already listening
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

  /** Takes no more connections, closes those that are open with 1001, and resolves when all are gone. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    for (const detach of this.#detachments.splice(0)) detach();
    const isClosed = this.#front?.close();
    for (const socket of [...this.#sockets]) socket.close(1001, "the server is being ended");
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
    if (this.#isClosing) return reject(503, "The server is being ended.", { "Retry-After": "1" });
    if (this.#maxConnections === null || this.#sockets.size < this.#maxConnections) return undefined;
    return reject(503, `The server has its limit of ${this.#maxConnections} connections.`, {
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
  response.end("This address speaks WebSocket.\n");
}

function writeError(error: unknown, { stage }: { readonly stage: string }): void {
  process.stderr.write(`holdfast/websocket: ${stage}: ${messageOf(error)}\n`);
}
