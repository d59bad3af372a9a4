/**
 * One port that speaks HTTP/1.1 and HTTP/2, with TLS or without. With TLS the client chooses by ALPN (RFC 7301). Without,
 * a client that knows that this server speaks HTTP/2 begins with its preface (RFC 9113 §3.3), as proxies do; everybody
 * else speaks HTTP/1.1.
 */
import { stat, unlink } from "node:fs/promises";
import { createServer as createHttp1, type Server as Http1Server } from "node:http";
import { createServer as createHttp2, type Http2Server, type ServerHttp2Session } from "node:http2";
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
import type { Clock } from "../time/clock.js";

/** Certificate and key, as node:tls takes them. */
export type TlsOptions = Pick<
  SecureContextOptions,
  "cert" | "key" | "passphrase" | "pfx" | "minVersion" | "ciphers" | "dhparam"
>;

/** A TCP port, or the file of a Unix socket. */
export type ListenPlace = { readonly port: number; readonly host: string } | { readonly path: string };

export interface HttpFrontOptions {
  readonly clock: Clock;
  readonly tls?: TlsOptions | undefined;
  /** Whether HTTP/2 is spoken, too. */
  readonly http2: boolean;
  /** Time for TLS, and for a request's head to come; beyond, 408. */
  readonly handshakeTimeoutMs: number;
  /** Largest request head; beyond, 431. */
  readonly maxHandshakeBytes: number;
  /** Most TCP connections; `null` for no bound. */
  readonly maxConnections: number | null;
  /** Answers what could not be read as a request of HTTP/1.1. */
  readonly onClientError: (error: Error & { code?: string }, socket: Duplex) => void;
}

/** A response that nobody reads, and a connection on which nothing is asked, end after this time. */
const idleTimeoutMs = 60_000;
/**
 * Connections that may wait to be accepted. When a server comes back so do all its clients, and those beyond this are not
 * refused but left to try again, after seconds.
 */
const backlog = 4096;

/** WebSockets and requests of one HTTP/2 connection at a time; RFC 9113 §6.5.2 advises at least 100. */
const maxStreamsPerConnection = 256;
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export class HttpFront {
  readonly http1: Http1Server;
  readonly http2: Http2Server | undefined;
  /** Listens, and hands connections to the other two. */
  readonly listener: TcpServer;
  readonly #options: HttpFrontOptions;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections that have not shown yet what they speak. */
  readonly #undecided = new Set<Socket>();

  constructor(options: HttpFrontOptions) {
    this.#options = options;
    this.http1 = this.#createHttp1();
    this.http2 = options.http2 ? this.#createHttp2() : undefined;
    this.listener = this.#createListener();
    if (options.maxConnections !== null) this.listener.maxConnections = options.maxConnections;
  }

  /** @throws HF_SERVER_LISTEN when the address is taken or may not be used */
  async listen(place: ListenPlace): Promise<void> {
    if ("path" in place) await removeAbandoned(place.path);
    try {
      await this.#listen(place);
    } catch (error) {
      const advice = adviceFor((error as NodeJS.ErrnoException).code) ?? messageOf(error);
      const where = "path" in place ? place.path : `${place.host}:${place.port}`;
      throw new HoldfastError("HF_SERVER_LISTEN", `cannot listen on ${where}: ${advice}`, { cause: error });
    }
  }

  #listen(place: ListenPlace): Promise<void> {
    const { listener } = this;
    return new Promise<void>((resolve, reject) => {
      listener.once("error", reject);
      listener.listen({ ...place, backlog }, () => {
        listener.off("error", reject);
        resolve();
      });
    });
  }

  /** Takes no more connections and resolves when all are gone; the owner ends those that are open. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      if (this.listener.listening) this.listener.close(() => resolve());
      else resolve();
    });
    // It never listened itself, but has a timer and idle connections.
    this.http1.close();
    for (const session of this.#sessions) session.close();
    for (const socket of this.#undecided) socket.destroy();
    await closed;
  }

  /**
   * For connections that are opened from now on.
   * @throws HF_OPTION_INVALID when certificate or key are not accepted; those before stay in force then
   */
  setCertificate(tls: TlsOptions): void {
    explainTls(() => createSecureContext(tls));
    (this.listener as TlsServer).setSecureContext(tls);
  }

  /** Cuts what is still open. */
  cut(): void {
    this.http1.closeAllConnections();
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#undecided) socket.destroy();
  }

  #createHttp1(): Http1Server {
    const { handshakeTimeoutMs, maxHandshakeBytes, onClientError } = this.#options;
    const server = createHttp1({
      maxHeaderSize: maxHandshakeBytes,
      headersTimeout: handshakeTimeoutMs,
      requestTimeout: 3 * handshakeTimeoutMs,
      connectionsCheckingInterval: Math.min(1000, handshakeTimeoutMs),
    });
    server.timeout = idleTimeoutMs;
    // The size of the head bounds their number.
    server.maxHeadersCount = 0;
    server.on("clientError", onClientError);
    return server;
  }

  #createHttp2(): Http2Server {
    const { maxHandshakeBytes } = this.#options;
    const server = createHttp2({
      settings: {
        // RFC 8441 §3.
        enableConnectProtocol: true,
        enablePush: false,
        maxConcurrentStreams: maxStreamsPerConnection,
        maxHeaderListSize: maxHandshakeBytes,
      },
    });
    server.on("session", (session) => {
      this.#sessions.add(session);
      let streams = 0;
      session.on("stream", (stream) => {
        streams++;
        stream.on("close", () => streams--);
      });
      session.setTimeout(idleTimeoutMs, () => {
        if (streams === 0) session.close();
      });
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy());
    });
    server.on("sessionError", () => {});
    return server;
  }

  #createListener(): TcpServer {
    const { tls, handshakeTimeoutMs, http2 } = this.#options;
    if (tls === undefined) {
      // The server for HTTP/1.1 listens itself where there is nothing to tell apart.
      if (!http2) return this.http1;
      const listener = createTcp({ noDelay: true }, (socket) => this.#tellApart(socket));
      this.#startTimeouts(listener);
      return listener;
    }
    const ALPNProtocols = http2 ? ["h2", "http/1.1"] : ["http/1.1"];
    const listener = explainTls(() =>
      createTls({ ...tls, ALPNProtocols, handshakeTimeout: handshakeTimeoutMs }),
    );
    listener.on("connection", (socket) => {
      this.#undecided.add(socket);
      socket.once("close", () => this.#undecided.delete(socket));
    });
    listener.on("secureConnection", (socket) => this.#byAlpn(socket));
    listener.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#startTimeouts(listener);
    return listener;
  }

  #byAlpn(socket: TLSSocket): void {
    if (socket.alpnProtocol === "h2") this.http2?.emit("connection", socket);
    else this.http1.emit("connection", socket);
  }

  #tellApart(socket: Socket): void {
    this.#undecided.add(socket);
    const cancel = this.#options.clock.setTimer(() => {
      decide();
      this.#options.onClientError(Object.assign(new Error("no request"), { code: timeoutCode }), socket);
    }, this.#options.handshakeTimeoutMs);
    const decide = () => {
      cancel();
      this.#undecided.delete(socket);
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
      if (isPreface) this.http2?.emit("connection", socket);
      else this.http1.emit("connection", socket);
    };
    const ignore = () => {};
    socket.on("readable", look);
    socket.on("error", ignore);
    socket.on("close", decide);
  }

  /** A server for HTTP/1.1 that does not listen itself begins to look for slow requests when it is told that it does. */
  #startTimeouts(listener: TcpServer): void {
    listener.on("listening", () => this.http1.emit("listening"));
  }
}

/** A server that was killed leaves its socket's file, which nobody answers at, and no other can listen there. */
async function removeAbandoned(path: string): Promise<void> {
  const code = await new Promise<string | undefined>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(undefined));
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code));
    socket.once("connect", () => socket.destroy());
  });
  if (code !== "ECONNREFUSED") return;
  // What is no socket gets the same answer, and is not ours to remove.
  const found = await stat(path).catch(() => undefined);
  if (found?.isSocket()) await unlink(path).catch(() => {});
}

/** @throws HF_OPTION_INVALID when certificate or key are not accepted */
function explainTls<T>(create: () => T): T {
  try {
    return create();
  } catch (cause) {
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `tls must have a certificate and its key in PEM that belong together: ${messageOf(cause)}`,
      { cause },
    );
  }
}

function adviceFor(code: string | undefined): string | undefined {
  if (code === "EADDRINUSE") return "another program listens there; end it or choose another port";
  if (code === "EACCES") return "this user may not use that port; ports from 1024 on are free to use";
  if (code === "EADDRNOTAVAIL" || code === "ENOTFOUND") return "this machine has no such address";
  return undefined;
}

const timeoutCode = "ERR_HTTP_REQUEST_TIMEOUT";
