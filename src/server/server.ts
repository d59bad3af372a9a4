/** Puts the parts together: a broker, the channels of this node, the sessions, and the transports that carry them. */
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import type { Broker, BrokerEvents } from "../channels/broker.js";
import { Channels } from "../channels/channels.js";
import { Delivery } from "../channels/delivery.js";
import { LogReader } from "../channels/log-reader.js";
import { checkRules, type RulesFor } from "../channels/rules.js";
import { HoldfastError } from "../errors.js";
import { createApi } from "../http/api.js";
import { createPages } from "../http/pages.js";
import { createRouter, webSocketPath } from "../http/router.js";
import { expectedFailure } from "../sessions/commands.js";
import { Handler, type HandlerStats } from "../sessions/handler.js";
import { HeldBytes } from "../sessions/held-bytes.js";
import { publish } from "../sessions/publishing.js";
import { answerClientError } from "../sockets/client-errors.js";
import { Flusher } from "../sockets/flusher.js";
import { HttpFront } from "../sockets/http-front.js";
import { isWebSocketConnect } from "../sockets/http-servers.js";
import { pathOf } from "../sockets/opening-request.js";
import { systemClock } from "../sockets/system-clock.js";
import { answerWithoutUpgrade, isWebSocketUpgrade, leaveOtherUpgrades } from "../sockets/without-upgrade.js";
import { Deadlines } from "../time/deadlines.js";
import { isLoopback } from "../transports/origins.js";
import { WebSocketListener } from "../transports/websocket-listener.js";
import { createBroker } from "./brokers.js";
import { type ResolvedOptions, resolveOptions, type ServerOptions } from "./options.js";
import { version } from "./version.js";

export interface ServerStats extends HandlerStats {
  /** Channels that somebody on this node uses. */
  readonly channels: number;
  /** Bytes of the newest entries of all channels in use. */
  readonly ringBytes: number;
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

/** Connections beyond the WebSockets', for pages, health, and refusals. */
const spareConnections = 500;

/** A server made by `createServer`. */
export class HoldfastServer {
  readonly #options: ResolvedOptions;
  readonly #broker: Broker;
  readonly #rulesFor: RulesFor;
  readonly #id = randomUUID();
  readonly #startedAt = systemClock.elapsed();
  readonly #events: BrokerEvents;
  readonly #channels: Channels;
  readonly #delivery: Delivery;
  readonly #deadlines: Deadlines;
  readonly #handler: Handler;
  readonly #listener: WebSocketListener;
  #opened: Promise<void> | undefined;
  #closed: Promise<void> | undefined;
  #isListening = false;
  #front: HttpFront | undefined;
  #address: ListeningAddress | undefined;

  constructor(options: ServerOptions, pages: string) {
    const resolved = resolveOptions(options, pages);
    const { onError, limits, times, authenticate } = resolved;
    const rulesFor: RulesFor = (channel) => checkRules(channel, resolved.rulesFor(channel));
    this.#options = resolved;
    this.#rulesFor = rulesFor;
    this.#broker = createBroker({ ...resolved, broker: options.broker });
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
    this.#channels = new Channels({
      ...common,
      log,
      ringLimits: resolved.ring,
      maxRingBytes: resolved.maxRingBytes,
      kindOf: (channel) => rulesFor(channel)?.kind ?? "stream",
    });
    this.#events = this.#channels;
    this.#handler = new Handler({
      ...common,
      channels: this.#channels,
      deadlines: this.#deadlines,
      held: new HeldBytes(resolved.maxHeldBytes),
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
      context: {
        clock: systemClock,
        deadlines: this.#deadlines,
        flusher: new Flusher(),
        settings: resolved.socket,
      },
      compression: resolved.compression,
      allowedOrigins: resolved.allowedOrigins,
      isLocalOnly: isLoopback(resolved.host),
      maxConnections: resolved.maxConnections,
      onError,
    });
  }

  /** Where the server listens. @throws HF_SERVER_STATE before `listen` has resolved */
  get address(): ListeningAddress {
    if (this.#address === undefined)
      throw new HoldfastError("HF_SERVER_STATE", "the server does not listen yet");
    return this.#address;
  }

  /**
   * Opens the broker, then the port.
   * @throws HF_SERVER_LISTEN when the address is taken or may not be used
   * @throws HF_STORE_OPEN, HF_STORE_IN_USE, HF_STORE_CORRUPT, HF_STORE_NEWER when the store cannot be opened
   */
  async listen(): Promise<ListeningAddress> {
    if (this.#closed) throw new HoldfastError("HF_SERVER_STATE", "the server was closed; make another");
    if (this.#isListening) throw new HoldfastError("HF_SERVER_STATE", "the server listens already");
    this.#isListening = true;
    await this.#open().catch((error: unknown) => {
      this.#isListening = false;
      this.#opened = undefined;
      throw error;
    });
    const { port, host, tls, pages, maxConnections, onError } = this.#options;
    const { http2, handshakeTimeoutMs, maxHandshakeBytes } = this.#options;
    const front = new HttpFront({
      clock: systemClock,
      tls: tls ?? undefined,
      http2,
      handshakeTimeoutMs,
      maxHandshakeBytes,
      maxConnections: maxConnections && maxConnections + spareConnections,
      onClientError: answerClientError,
    });
    const publishing = { broker: this.#broker, channels: this.#channels, rulesFor: this.#rulesFor };
    const route = createRouter({
      pages: pages === null ? undefined : createPages(pages),
      api: createApi({
        keys: this.#options.apiKeys,
        maxBodyBytes: this.#options.maxMessageBytes,
        publish: (params) => publish(publishing, params),
        info: () => this.#info(),
        expectedFailure,
        onError,
      }),
      explainWebSocket: (request) => this.#listener.explain(request),
    });
    this.#serve(front, route);
    try {
      await front.listen(port, host);
    } catch (error) {
      this.#isListening = false;
      throw error;
    }
    if (this.#closed) {
      await front.close();
      throw new HoldfastError("HF_SERVER_STATE", "the server was closed before it listened");
    }
    front.listener.on("error", (error) => onError(error, { stage: "listening" }));
    this.#front = front;
    const { port: actualPort } = front.listener.address() as AddressInfo;
    const scheme = tls === null ? "http" : "https";
    this.#address = { host, port: actualPort, url: `${scheme}://${hostForUrl(host)}:${actualPort}` };
    return this.#address;
  }

  /** Sizes of everything that grows with use. */
  stats(): ServerStats {
    const { channels, behind, touched } = this.#delivery.pending;
    return {
      ...this.#handler.stats(),
      channels: this.#channels.count,
      ringBytes: this.#channels.ringBytes,
      sockets: this.#listener.sockets,
      deadlines: this.#deadlines.count,
      deliveries: channels + behind + touched,
    };
  }

  /** As the protocol's reference server names it; `stats` is ours. */
  #info(): object {
    const stats = this.stats();
    return {
      uid: this.#id,
      name: "holdfast",
      version,
      num_clients: stats.connections,
      num_users: stats.users,
      num_subs: stats.subscriptions,
      num_channels: stats.channels,
      uptime: Math.floor((systemClock.elapsed() - this.#startedAt) / 1000),
      stats,
    };
  }

  /** Tells every client that the server shuts down, waits for their sockets to end, and frees everything. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    const closed = this.#front?.close();
    this.#handler.shutdown();
    await this.#listener.drain(this.#options.closeTimeoutMs);
    this.#front?.cut();
    await closed;
    await this.#broker.close();
  }

  #open(): Promise<void> {
    this.#opened ??= this.#broker.open(this.#events);
    return this.#opened;
  }

  #serve({ http1, http2 }: HttpFront, route: ReturnType<typeof createRouter>): void {
    http1.on("request", route);
    leaveOtherUpgrades(http1);
    http1.on("upgrade", (request, socket, head) => {
      if (isWebSocketUpgrade(request)) this.#upgrade(request, socket, head);
      else answerWithoutUpgrade(request, socket, head, http1);
    });
    if (http2 === undefined) return;
    // The compatibility interface of node:http2 has all that is used here.
    http2.on("request", route as never);
    http2.on("stream", (stream, headers, _flags, ...[rawHeaders = []]: (readonly string[])[]) => {
      if (!isWebSocketConnect(headers)) return;
      const path = pathOf(headers[":path"] ?? "/");
      if (path === webSocketPath) this.#listener.connect(stream, headers, rawHeaders);
      else this.#listener.refuseConnect(stream, 404, noWebSocketAt(path));
    });
    // Node.js would answer a CONNECT with 405 unless somebody listens to it.
    http2.on("connect", (request: Http2ServerRequest, response: Http2ServerResponse) => {
      if (!isWebSocketConnect(request.headers)) response.writeHead(405).end();
    });
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const path = pathOf(request.url ?? "/");
    if (path === webSocketPath) this.#listener.upgrade(request, socket, head);
    else this.#listener.refuseUpgrade(socket, 404, noWebSocketAt(path));
  }
}

/**
 * Makes a server; `listen` starts it.
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function createServer(options: ServerOptions = {}): HoldfastServer {
  return new HoldfastServer(options, fileURLToPath(new URL("../pages", import.meta.url)));
}

function hostForUrl(host: string): string {
  if (host === "127.0.0.1" || host === "::1" || host === "0.0.0.0" || host === "::") return "localhost";
  return host.includes(":") ? `[${host}]` : host;
}

function noWebSocketAt(path: string): string {
  return `There is no WebSocket at ${path}, but at ${webSocketPath}.`;
}
