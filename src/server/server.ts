/** Puts the parts together: a broker, the channels of this node, the sessions, and the transports that carry them. */
import { randomUUID } from "node:crypto";
import { createServer as createHttpServer, type Server as HttpServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { MemoryBroker } from "../brokers/memory/memory-broker.js";
import type { Broker, BrokerEvents } from "../channels/broker.js";
import { Channels } from "../channels/channels.js";
import { Delivery } from "../channels/delivery.js";
import { LogReader } from "../channels/log-reader.js";
import { HoldfastError, messageOf } from "../errors.js";
import { answerClientError } from "../http/client-errors.js";
import { createPages } from "../http/pages.js";
import { createRouter, pathOf, webSocketPath } from "../http/router.js";
import { answerWithoutUpgrade, isWebSocketUpgrade } from "../http/without-upgrade.js";
import { Handler, type HandlerStats } from "../sessions/handler.js";
import { systemClock } from "../sockets/system-clock.js";
import { Deadlines } from "../time/deadlines.js";
import { isLoopback } from "../transports/origins.js";
import { WebSocketListener } from "../transports/websocket-listener.js";
import { type ResolvedOptions, resolveOptions, type ServerOptions } from "./options.js";
import { version } from "./version.js";

export interface ServerStats extends HandlerStats {
  /** Channels that somebody on this node uses. */
  readonly channels: number;
  /** Sockets, those that are closing included. */
  readonly sockets: number;
  /** Sessions that wait for a deadline. */
  readonly deadlines: number;
  /** Channels and readers with deliveries to come. */
  readonly deliveries: number;
}

export interface ListeningAddress {
  readonly host: string;
  readonly port: number;
  readonly url: string;
}

const idleTimeoutMs = 60_000;
/** Connections beyond the WebSockets', for pages, health, and refusals. */
const spareConnections = 500;

/** A server made by `createServer`. */
export class HoldfastServer {
  readonly #options: ResolvedOptions;
  readonly #broker: Broker;
  readonly #events: BrokerEvents;
  readonly #channels: Channels;
  readonly #delivery: Delivery;
  readonly #deadlines: Deadlines;
  readonly #handler: Handler;
  readonly #listener: WebSocketListener;
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #isListening = false;
  #http: HttpServer | undefined;
  #address: ListeningAddress | undefined;

  constructor(options: ServerOptions, pages: string) {
    const resolved = resolveOptions(options, pages);
    const { onError, limits, times, authenticate, rulesFor, closeTimeoutMs, maxMessageBytes, maxFragments } =
      resolved;
    this.#options = resolved;
    this.#broker = options.broker ?? new MemoryBroker({ clock: systemClock, createEpoch });
    this.#deadlines = new Deadlines(systemClock, onError);
    const log = new LogReader(this.#broker);
    this.#delivery = new Delivery({
      log,
      schedule: (run) => void setImmediate(run),
      now: () => performance.now(),
      sliceMs: resolved.deliverySliceMs,
      onError,
    });
    const common = { broker: this.#broker, delivery: this.#delivery, onError };
    this.#channels = new Channels({ ...common, log, ringLimits: resolved.ring });
    this.#events = this.#channels;
    this.#handler = new Handler({
      ...common,
      channels: this.#channels,
      deadlines: this.#deadlines,
      clock: systemClock,
      rulesFor,
      authenticate,
      limits,
      times,
      version: `Holdfast ${version}`,
      createId: randomUUID,
      random: Math.random,
    });
    this.#listener = new WebSocketListener({
      handler: this.#handler,
      clock: systemClock,
      connection: { maxMessageBytes, maxFragments },
      closeTimeoutMs,
      allowedOrigins: resolved.allowedOrigins,
      isLocalOnly: isLoopback(resolved.host),
      maxConnections: resolved.maxConnections,
    });
  }

  /** Where the server listens. @throws HF_SERVER_STATE before `listen` has resolved */
  get address(): ListeningAddress {
    if (this.#address === undefined)
      throw new HoldfastError("HF_SERVER_STATE", "the server does not listen yet");
    return this.#address;
  }

  /** @throws HF_SERVER_LISTEN when the address is taken or may not be used */
  async listen(): Promise<ListeningAddress> {
    if (this.#closed) throw new HoldfastError("HF_SERVER_STATE", "the server was closed; make another");
    if (this.#isListening) throw new HoldfastError("HF_SERVER_STATE", "the server listens already");
    this.#isListening = true;
    await this.#open();
    const { port, host, pages, handshakeTimeoutMs, maxHandshakeBytes, maxConnections, onError } =
      this.#options;
    const http = createHttpServer({
      maxHeaderSize: maxHandshakeBytes,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: 3 * handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, handshakeTimeoutMs),
    });
    // A response that nobody reads, and a connection that nothing is asked on, end some time.
    http.timeout = idleTimeoutMs;
    if (maxConnections !== null) http.maxConnections = maxConnections + spareConnections;
    http.on("clientError", answerClientError);
    const route = createRouter({
      pages: pages === null ? undefined : createPages(pages),
      explainWebSocket: (request) => this.#listener.explain(request),
    });
    http.on("request", route);
    http.on("upgrade", (request, socket, head) => {
      if (isWebSocketUpgrade(request)) this.#upgrade(request, socket, head);
      else answerWithoutUpgrade(request, socket, route);
    });
    try {
      await listenOn(http, port, host);
    } catch (error) {
      this.#isListening = false;
      throw error;
    }
    http.on("error", (error) => onError(error, { stage: "listening" }));
    this.#http = http;
    const { port: actualPort } = http.address() as AddressInfo;
    this.#address = { host, port: actualPort, url: `http://${hostForUrl(host)}:${actualPort}` };
    return this.#address;
  }

  /** Sizes of everything that grows with use. */
  stats(): ServerStats {
    const { channels, behind, touched } = this.#delivery.pending;
    return {
      ...this.#handler.stats(),
      channels: this.#channels.count,
      sockets: this.#listener.sockets,
      deadlines: this.#deadlines.count,
      deliveries: channels + behind + touched,
    };
  }

  /** Tells every client that the server shuts down, waits for their sockets to end, and frees everything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const http = this.#http;
    const closed = http && new Promise<void>((resolve) => http.close(() => resolve()));
    this.#handler.shutdown();
    await this.#listener.drain(this.#options.closeTimeoutMs);
    http?.closeAllConnections();
    await closed;
    await this.#broker.close();
  }

  #open(): Promise<void> {
    this.#opened ??= this.#broker.open(this.#events);
    return this.#opened;
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    if (pathOf(request) === webSocketPath) this.#listener.upgrade(request, socket, head);
    else
      this.#listener.refuse(
        socket,
        404,
        `There is no WebSocket at ${pathOf(request)}, but at ${webSocketPath}.`,
      );
  }
}

/**
 * Makes a server; `listen` starts it.
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function createServer(options: ServerOptions = {}): HoldfastServer {
  return new HoldfastServer(options, fileURLToPath(new URL("../pages", import.meta.url)));
}

function createEpoch(): string {
  return randomUUID().slice(0, 8);
}

function hostForUrl(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

async function listenOn(http: HttpServer, port: number, host: string): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      http.once("error", reject);
      http.listen(port, host, () => {
        http.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const advice =
      code === "EADDRINUSE"
        ? "another program listens there; end it or choose another port"
        : code === "EACCES"
          ? "this user may not use that port; ports from 1024 on are free to use"
          : code === "EADDRNOTAVAIL" || code === "ENOTFOUND"
            ? "this machine has no such address"
            : messageOf(error);
    throw new HoldfastError("HF_SERVER_LISTEN", `cannot listen on ${host}:${port}: ${advice}`, {
      cause: error,
    });
  }
}
