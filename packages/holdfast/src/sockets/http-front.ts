/**
 * One port that speaks HTTP/1.1 and HTTP/2, with TLS or without. With TLS the client chooses by ALPN (RFC 7301). Without,
 * a client that knows that this server speaks HTTP/2 begins with its preface (RFC 9113 §3.3), as proxies do; all others
 * speak HTTP/1.1. `ConnectionBounds` limits its TCP connections: per address, and of those still in their handshake, which
 * lasts until they have finished TLS and begun a request or HTTP/2.
 */
import { stat, unlink } from "node:fs/promises";
import {
  createServer as createHttp1,
  type Server as Http1Server,
  type IncomingMessage,
  STATUS_CODES,
} from "node:http";
import type { Http2Server } from "node:http2";
import { connect, createServer as createTcp, type Socket, type Server as TcpServer } from "node:net";
import type { Duplex } from "node:stream";
import {
  createSecureContext,
  createServer as createTls,
  type SecureContextOptions,
  type TLSSocket,
  type Server as TlsServer,
} from "node:tls";
import { HoldfastError, messageOf } from "../errors.js";
import type { LimitSettings } from "../options/limits.js";
import { type Clock, lateGraceMs } from "../time/clock.js";
import { Ticks, tickFor } from "../time/deadlines.js";
import { Http2Sessions } from "./http2-server.js";
import { handleOf } from "./passed-socket.js";
import { systemClock } from "./system-clock.js";

/** Certificate and key, as node:tls takes them. */
export type TlsOptions = Pick<
  SecureContextOptions,
  "cert" | "key" | "passphrase" | "pfx" | "minVersion" | "ciphers" | "dhparam"
>;

/** A TCP port, the file of a Unix socket, or a listening socket that another process shares. */
export type ListenPlace =
  | { readonly port: number; readonly host: string }
  | { readonly path: string }
  | { readonly handle: object };

export interface HttpFrontOptions {
  readonly clock: Clock;
  readonly tls?: TlsOptions | undefined;
  /** Whether HTTP/2 is spoken, too. */
  readonly http2: boolean;
  /** Time to complete TLS, and to receive a request's headers; beyond it, 408. */
  readonly handshakeTimeoutMs: number;
  /** Maximum size of a request's headers; beyond it, 431. */
  readonly maxHandshakeBytes: number;
  /** Maximum number of TCP connections; `null` for no limit. */
  readonly maxConnections: number | null;
  /** Bounds of one address. */
  readonly limits: ConnectionLimits;
  /** Maximum number of connections in their handshake. */
  readonly maxHandshakes: number;
  /** The key a peer is counted by; undefined if it is not counted. */
  readonly keyOf: (remoteAddress: string) => string | undefined;
  /** Requests and WebSockets of one HTTP/2 connection at a time. */
  readonly maxStreams: number;
}

/**
 * A connection without a request ends after this time. Load balancers close theirs after 60 s; if the server's time were
 * shorter, they would send requests into connections that it is closing.
 */
const keepAliveMs = 75_000;
/**
 * Connections that may wait to be accepted. When a server comes back so do all its clients, and those beyond this get no
 * answer and try again after seconds.
 */
const backlog = 4096;

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Listens on one port, and hands each connection to the server for the HTTP it speaks. */
export class HttpFront {
  readonly http1: Http1Server;
  /** Listens, and hands connections on. */
  readonly listener: TcpServer;
  readonly #options: HttpFrontOptions;
  readonly #tls: TlsServer | undefined;
  readonly #sessions: Http2Sessions | undefined;
  readonly #bounds: ConnectionBounds;
  /** TCP connections below TLS that is being agreed on. */
  readonly #inTlsHandshake = new Map<string, Socket>();

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    const common = { ...options, keepAliveMs };
    this.#bounds = new ConnectionBounds(common);
    this.http1 = createHttp1Server(options);
    this.#sessions = options.http2 ? new Http2Sessions(common) : undefined;
    this.#tls = options.tls && this.#createTls(options.tls);
    this.listener = createTcp({ noDelay: true }, (socket) => this.#take(socket));
    // A server that does not listen itself begins to look for slow requests when it is told that it does.
    this.listener.on("listening", () => this.http1.emit("listening"));
    if (options.maxConnections !== null) this.listener.maxConnections = options.maxConnections;
  }

  get http2(): Http2Server | undefined {
    return this.#sessions?.server;
  }

  /** @throws HF_SERVER_LISTEN when the address is in use or not permitted */
  async listen(place: ListenPlace): Promise<void> {
    if ("path" in place) await removeAbandoned(place.path);
    try {
      await this.#listen(place);
    } catch (error) {
      const advice = adviceFor((error as NodeJS.ErrnoException).code) ?? messageOf(error);
      const where = describePlace(place);
      throw new HoldfastError("HF_SERVER_LISTEN", `cannot listen on ${where}: ${advice}`, { cause: error });
    }
  }

  #listen(place: ListenPlace): Promise<void> {
    const { listener } = this;
    return new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      const done = () => {
        listener.off("error", reject);
        resolve();
      };
      if ("handle" in place) listener.listen(place.handle, backlog, done);
      else listener.listen({ ...place, backlog }, done);
    });
  }

  /** The listening socket, to share it with another process; undefined where that is not possible. */
  get handle(): object | undefined {
    return handleOf(this.listener);
  }

  /** Whether connections are open, used or not. */
  hasConnections(): Promise<boolean> {
    return new Promise((resolve) => this.listener.getConnections((_error, count) => resolve(count > 0)));
  }

  /** Counts a connection that another process has accepted. */
  adopt(socket: Socket): void {
    this.#bounds.adopt(socket);
  }

  /** Stops accepting connections; open ones go on. */
  stopListening(): void {
    if (this.listener.listening) this.listener.close();
  }

  /** Stops accepting connections and resolves when all are gone; the owner ends open ones. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.listener.listening) this.listener.close(() => resolve());
      else resolve();
    });
    // It never listened itself, but has a timer and idle connections.
    this.http1.close();
    this.#sessions?.close();
    this.#bounds.closeHandshakes();
    await closed;
  }

  /**
   * For connections that are opened from now on.
   * @throws HF_OPTION_INVALID if certificate or key are invalid; the previous ones stay in use
   */
  setCertificate(tls: TlsOptions): void {
    explainTls(() => createSecureContext(tls));
    this.#tls?.setSecureContext(tls);
  }

  /** Closes all open connections at once. */
  terminate(): void {
    this.http1.closeAllConnections();
    this.#sessions?.terminate();
    this.#bounds.closeHandshakes();
  }

  #createTls(tls: TlsOptions): TlsServer {
    const ALPNProtocols = this.#options.http2 ? ["h2", "http/1.1"] : ["http/1.1"];
    // Its time is up with that of the connection, which gives a late one its turn.
    const server = explainTls(() => createTls({ ...tls, ALPNProtocols, handshakeTimeout: 2 ** 31 - 1 }));
    server.on("secureConnection", (socket) => {
      this.#settle(socket);
      if (socket.alpnProtocol === "h2") this.#sessions?.take(socket);
      else this.http1.emit("connection", socket);
    });
    server.on("tlsClientError", (_error, socket) => {
      this.#settle(socket);
      socket.destroy();
    });
    return server;
  }

  #take(socket: Socket): void {
    const onTimeout = () => {
      if (this.#tls) socket.destroy();
      else answerClientError(Object.assign(new Error("no request"), { code: timeoutCode }), socket);
    };
    if (!this.#bounds.admit(socket, onTimeout)) return;
    if (this.#tls === undefined) {
      this.#detectProtocol(socket);
      return;
    }
    const name = nameOf(socket);
    this.#inTlsHandshake.set(name, socket);
    socket.once("close", () => this.#inTlsHandshake.delete(name));
    this.#tls.emit("connection", socket);
  }

  /** @param secure what TLS has made of a connection */
  #settle(secure: TLSSocket): void {
    const name = nameOf(secure);
    const socket = this.#inTlsHandshake.get(name);
    this.#inTlsHandshake.delete(name);
    if (socket) this.#bounds.settle(socket);
  }

  #detectProtocol(socket: Socket): void {
    const decide = () => {
      this.#bounds.settle(socket);
      socket.off("readable", look);
      socket.off("error", ignore);
      socket.off("close", decide);
    };
    let first: Buffer = Buffer.alloc(0);
    const look = () => {
      const more = socket.read() as Buffer | null;
      if (more === null) return;
      first = first.length === 0 ? more : Buffer.concat([first, more]);
      const compared = Math.min(first.length, preface.length);
      const isPreface = first.compare(preface, 0, compared, 0, compared) === 0;
      // A request of HTTP/1.1 differs at the third byte at the latest.
      if (isPreface && first.length < 3) return;
      decide();
      socket.unshift(first);
      if (isPreface && this.#sessions) this.#sessions.take(socket);
      else this.http1.emit("connection", socket);
    };
    const ignore = () => {};
    socket.on("readable", look);
    socket.on("error", ignore);
    socket.on("close", decide);
  }
}

function describePlace(place: ListenPlace): string {
  if ("handle" in place) return "a socket of another process";
  return "path" in place ? place.path : `${place.host}:${place.port}`;
}

/** A connection and its TLS are two sockets to Node.js, with the same peer. */
function nameOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** A server that was killed leaves its socket's file behind, and no other can listen there. */
async function removeAbandoned(path: string): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once("connect", () => socket.destroy());
  });
  if (code !== "ECONNREFUSED") return;
  // A file that is not a socket gets the same answer, and is not ours to remove.
  const found = await stat(path).catch(() => undefined);
  if (found?.isSocket()) await unlink(path).catch(() => {});
}

/** @throws HF_OPTION_INVALID if certificate or key are invalid */
function explainTls<T>(create: () => T): T {
  try {
    return create();
  } catch (cause) {
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `tls must be a matching certificate and key in PEM: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function adviceFor(code: string | undefined): string | undefined {
  if (code === "EADDRINUSE") return "the port is in use by another program; stop it or choose another port";
  if (code === "EACCES") return "this user may not listen on that port; use a port from 1024 on";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return "this machine has no such address";
  return undefined;
}

/** How many requests' heads have arrived on a connection. On the socket itself: it outlives its requests by hours. */
const heads = Symbol("heads");

interface Counted {
  [heads]?: number;
}

/** A request's headers have arrived. */
export function markRequestHead({ socket }: IncomingMessage): void {
  const counted = socket as Counted;
  counted[heads] = (counted[heads] ?? 0) + 1;
}

/** The server for HTTP/1.1, and the times of its connections. Node.js looks at those before it reads the sockets. */
function createHttp1Server(options: HttpFrontOptions): Http1Server {
  const { clock, handshakeTimeoutMs, maxHandshakeBytes } = options;
  const server = createHttp1({
    maxHeaderSize: maxHandshakeBytes,
    headersTimeout: handshakeTimeoutMs,
    // Bodies have a bound of their own, for all versions of HTTP.
    requestTimeout: 0,
    keepAliveTimeout: keepAliveMs,
    connectionsCheckingInterval: Math.min(1000, handshakeTimeoutMs),
  });
  server.timeout = keepAliveMs;
  // The size of the head bounds their number.
  server.maxHeadersCount = 0;
  server.on("request", markRequestHead);
  server.on("clientError", (error: Error & { code?: string }, socket: Duplex) => {
    if (error.code !== timeoutCode) {
      answerClientError(error, socket);
      return;
    }
    const counted = socket as Counted;
    const before = counted[heads];
    clock.setTimer(() => {
      // A head that has come meanwhile is another request's.
      if (counted[heads] === before && !socket.destroyed) answerClientError(error, socket);
    }, lateGraceMs);
  });
  server.on("timeout", (socket) => {
    const { bytesRead } = socket;
    clock.setTimer(() => {
      if (socket.bytesRead === bytesRead) socket.destroy();
    }, lateGraceMs);
  });
  return server;
}

const timeoutCode = "ERR_HTTP_REQUEST_TIMEOUT";

const answers: Readonly<Record<string, { status: number; message: string }>> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: "The request's headers are too large." },
  [timeoutCode]: { status: 408, message: "The request did not arrive in time." },
};

/** For the client to take that answer. */
const responseTimeoutMs = 2000;

/** Answers a request that could not be parsed, for the `clientError` event of an HTTP server. */
function answerClientError(error: Error & { code?: string }, socket: Duplex): void {
  if (error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const answer = answers[error.code ?? ""] ?? { status: 400, message: "This is not an HTTP request." };
  const body = `${answer.message}\n`;
  const cancel = systemClock.setTimer(() => socket.destroy(), responseTimeoutMs);
  socket.once("close", cancel);
  socket.end(
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // Nothing more is read from a client that does not speak HTTP.
    () => socket.destroy(),
  );
}

export type ConnectionLimits = Pick<LimitSettings, "maxAddressSockets" | "maxAddressHandshakes">;

export interface ConnectionBoundsOptions {
  readonly clock: Clock;
  readonly limits: ConnectionLimits;
  /** Handshakes at a time, of all addresses; beyond, the oldest are closed. */
  readonly maxHandshakes: number;
  readonly handshakeTimeoutMs: number;
  /** The key the peer is counted by; undefined if it is not counted. */
  readonly keyOf: (remoteAddress: string) => string | undefined;
}

interface Address {
  sockets: number;
  handshakes: number;
}

interface Handshake {
  ticks: number;
  readonly address: Address | undefined;
  readonly onTimeout: () => void;
}

/** Counts the TCP connections of one server. */
export class ConnectionBounds {
  readonly #options: ConnectionBoundsOptions;
  readonly #addresses = new Map<string, Address>();
  /** In the order in which they came. */
  readonly #handshakes = new Map<Socket, Handshake>();
  readonly #ticks: Ticks;
  readonly #tickMs: number;

  constructor(options: ConnectionBoundsOptions) {
    this.#options = options;
    const { clock, handshakeTimeoutMs } = options;
    this.#tickMs = tickFor(handshakeTimeoutMs);
    this.#ticks = new Ticks({ clock, tickMs: this.#tickMs, onTick: () => this.#tick() });
  }

  /** Addresses with open connections. */
  get addresses(): number {
    return this.#addresses.size;
  }

  /** Connections in their handshake. */
  get handshakes(): number {
    return this.#handshakes.size;
  }

  /** A connection has been opened. @returns whether it may stay; otherwise it was closed */
  admit(socket: Socket, onTimeout: () => void): boolean {
    const { limits, maxHandshakes, keyOf } = this.#options;
    const { maxAddressSockets, maxAddressHandshakes } = limits;
    const key = keyOf(socket.remoteAddress ?? "");
    const address = key === undefined ? undefined : (this.#addresses.get(key) ?? newAddress());
    if (
      address &&
      (address.sockets >= (maxAddressSockets ?? Infinity) ||
        address.handshakes >= (maxAddressHandshakes ?? Infinity))
    ) {
      socket.destroy();
      return false;
    }
    if (address && key !== undefined) {
      this.#addresses.set(key, address);
      address.sockets++;
      address.handshakes++;
    }
    this.#handshakes.set(socket, { ticks: 0, address, onTimeout });
    socket.once("close", () => {
      this.settle(socket);
      if (address && key !== undefined && --address.sockets === 0) this.#addresses.delete(key);
    });
    if (this.#handshakes.size > maxHandshakes) this.#closeOldest();
    this.#ticks.start();
    return true;
  }

  /** A connection that has been admitted elsewhere. */
  adopt(socket: Socket): void {
    const key = this.#options.keyOf(socket.remoteAddress ?? "");
    if (key === undefined) return;
    const address = this.#addresses.get(key) ?? newAddress();
    this.#addresses.set(key, address);
    address.sockets++;
    socket.once("close", () => {
      if (--address.sockets === 0) this.#addresses.delete(key);
    });
  }

  /** The connection's handshake is done. */
  settle(socket: Socket): void {
    const handshake = this.#handshakes.get(socket);
    if (handshake === undefined) return;
    this.#handshakes.delete(socket);
    if (handshake.address) handshake.address.handshakes--;
  }

  /** Closes the connections in their handshake. */
  closeHandshakes(): void {
    for (const socket of this.#handshakes.keys()) socket.destroy();
  }

  /** A recent handshake is more likely to complete than the oldest. */
  #closeOldest(): void {
    const [oldest] = this.#handshakes.keys();
    if (oldest === undefined) return;
    this.settle(oldest);
    oldest.destroy();
  }

  #tick(): boolean {
    for (const [socket, handshake] of this.#handshakes) {
      if (++handshake.ticks * this.#tickMs < this.#options.handshakeTimeoutMs) continue;
      this.settle(socket);
      handshake.onTimeout();
    }
    return this.#handshakes.size > 0;
  }
}

function newAddress(): Address {
  return { sockets: 0, handshakes: 0 };
}
