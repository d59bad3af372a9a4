/**
 * The HTTP/2 server, and limits of its connections: what one may hold, how often it may reset its streams or send
 * frames that must be acknowledged, and how long it may stay without a request.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { type Clock, lateGraceMs } from "../time/clock.js";
import { Ticks } from "../time/deadlines.js";
import { TokenBucket } from "../time/token-bucket.js";

export interface Http2SessionsOptions {
  readonly clock: Clock;
  /** Largest request head. */
  readonly maxHandshakeBytes: number;
  /** Concurrent WebSockets and requests of one connection. */
  readonly maxStreams: number;
  /** A connection without a request ends after this time. */
  readonly keepAliveMs: number;
}

/**
 * How far reset streams may outnumber completed ones: opening and resetting them, with any code, costs a
 * peer next to nothing (CVE-2023-44487).
 */
const brokenStreams = { burst: 200, perSecond: 20 };
/** PING and SETTINGS frames, which must be acknowledged (CVE-2019-9512, CVE-2019-9515). */
const controlFrames = { burst: 200, perSecond: 20 };
/** In megabytes, as node:http2 counts: heads, streams, and frames that wait, without what streams have written. */
const maxSessionMemory = 10;
/** Time for an ended connection to read its last frames. */
const closeTimeoutMs = 2000;

/** The server for HTTP/2 and its connections. */
export class Http2Sessions {
  readonly server: Http2Server;
  readonly #options: Http2SessionsOptions;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections, until they are closed. */
  readonly #sockets = new Set<Socket>();
  readonly #liveness: Http2Liveness;

  constructor(options: Http2SessionsOptions) {
    this.#options = options;
    this.#liveness = new Http2Liveness(options.clock);
    const { maxHandshakeBytes, maxStreams } = options;
    this.server = createServer({
      settings: {
        // RFC 8441 §3.
        enableConnectProtocol: true,
        enablePush: false,
        maxConcurrentStreams: maxStreams,
        maxHeaderListSize: maxHandshakeBytes,
      },
      maxSessionMemory,
      maxSessionInvalidFrames: 100,
      maxSessionRejectedStreams: 100,
    });
    this.server.on("sessionError", () => {});
  }

  /** Takes a connection that speaks HTTP/2. */
  take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const onSession = (session: ServerHttp2Session) => this.#watch(session, socket);
    this.server.once("session", onSession);
    this.server.emit("connection", socket);
    this.server.off("session", onSession);
  }

  /** Stops accepting requests; connections end when open requests have been answered. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Closes all open connections at once. */
  terminate(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #watch(session: ServerHttp2Session, socket: Socket): void {
    const { clock, keepAliveMs } = this.#options;
    this.#sessions.add(session);
    const broken = createBucket(clock, brokenStreams);
    const controls = createBucket(clock, controlFrames);
    const calmDown = () =>
      session.destroy(
        new Error("the peer resets too many streams, or sends too many control frames"),
        constants.NGHTTP2_ENHANCE_YOUR_CALM,
      );
    const countControl = () => {
      if (controls.take(clock.elapsed()) !== "ok") calmDown();
    };
    let streams = 0;
    let opened = 0;
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams++;
      opened++;
      stream.once("close", () => {
        streams--;
        // Node.js ends streams that the peer has reset, which then look finished.
        const isAnswered = stream.writableFinished && !stream.aborted;
        if (isAnswered && stream.rstCode === constants.NGHTTP2_NO_ERROR) broken.giveBack();
        else if (broken.take(clock.elapsed()) !== "ok") calmDown();
      });
    });
    session.on("ping", countControl);
    session.on("remoteSettings", countControl);
    session.setTimeout(keepAliveMs, () => {
      const before = opened;
      // A request may have arrived while the process was suspended.
      clock.setTimer(() => {
        if (streams === 0 && opened === before) this.#end(session);
      }, lateGraceMs);
    });
    session.on("error", () => session.destroy());
    const closeSocket = () => this.#limit(() => socket.destroy());
    session.on("close", () => {
      this.#sessions.delete(session);
      closeSocket();
    });
    const onDead = () => {
      session.destroy();
      closeSocket();
    };
    this.#liveness.watch(session, { socket, isIdle: () => streams === 0, onDead });
  }

  /** Ends it with a GOAWAY, and at once if that is not sent. */
  #end(session: ServerHttp2Session): void {
    session.close();
    this.#limit(() => session.destroy());
  }

  #limit(act: () => void): void {
    this.#options.clock.setTimer(act, closeTimeoutMs);
  }
}

function createBucket(
  clock: Clock,
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
) {
  return new TokenBucket(perSecond, burst, clock.elapsed());
}

const livenessTickMs = 1000;
/** Ticks without input after which a peer is pinged. */
const silentTicks = 3;
/** Time for its answer: longer with open requests, whose responses may be queued before it. */
const answerTicks = { idle: 5, busy: 15 };

interface Watched {
  readonly isIdle: () => boolean;
  readonly onDead: () => void;
  readonly socket: Pick<Socket, "bytesRead">;
  bytesRead: number;
  ticks: number;
  state: "talking" | "asked" | "answered";
}

/**
 * Finds dead connections of HTTP/2. After some faults of a peer, Node.js sends GOAWAY, stops reading, and emits no event; not
 * even that the peer has gone is seen then. So a peer that has fallen silent is asked once,
 * with a PING, which every peer answers (RFC 9113 §6.7).
 */
class Http2Liveness {
  readonly #sessions = new Map<ServerHttp2Session, Watched>();
  readonly #ticks: Ticks;

  constructor(clock: Clock) {
    this.#ticks = new Ticks({ clock, tickMs: livenessTickMs, onTick: () => this.#tick() });
  }

  /** Watches the session until it is closed. */
  watch(session: ServerHttp2Session, options: Pick<Watched, "isIdle" | "onDead" | "socket">): void {
    this.#sessions.set(session, { ...options, bytesRead: -1, ticks: 0, state: "talking" });
    session.once("close", () => this.#sessions.delete(session));
    this.#ticks.start();
  }

  #tick(): boolean {
    for (const [session, watched] of this.#sessions) {
      const { bytesRead } = watched.socket;
      if (bytesRead !== watched.bytesRead) {
        watched.bytesRead = bytesRead;
        watched.ticks = 0;
        if (watched.state === "answered") watched.state = "talking";
      } else if (watched.state !== "answered") this.#age(session, watched);
    }
    return this.#sessions.size > 0;
  }

  #age(session: ServerHttp2Session, watched: Watched): void {
    watched.ticks++;
    const { ticks, state, isIdle, onDead } = watched;
    if (state === "talking") {
      if (ticks < silentTicks || session.destroyed) return;
      watched.state = "asked";
      watched.ticks = 0;
      session.ping((error) => {
        if (error) return;
        watched.state = "answered";
        watched.bytesRead = watched.socket.bytesRead;
      });
    } else if (ticks >= (isIdle() ? answerTicks.idle : answerTicks.busy)) {
      this.#sessions.delete(session);
      onDead();
    }
  }
}
