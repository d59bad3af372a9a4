/**
 * The server for HTTP/2, and bounds of its connections: what one may hold, how often it may break off what it has asked for
 * or send what is only to be acknowledged, and how long it may stay without a request.
 */
import {
  constants,
  createServer,
  type Http2Server,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
import { Allowance } from "./allowance.js";
import { lateGraceMs } from "./http1-server.js";
import { Http2Silence } from "./http2-silence.js";

export interface Http2SessionsOptions {
  readonly clock: Clock;
  /** Largest request head. */
  readonly maxHandshakeBytes: number;
  /** WebSockets and requests of one connection at a time. */
  readonly maxStreams: number;
  /** A connection without a request ends after this time. */
  readonly keepAliveMs: number;
}

/**
 * Streams that are broken off may outnumber those that were answered to the end by so many, and by as many a second as the
 * second number: opening and resetting them, with whatever code, costs a peer next to nothing (CVE-2023-44487).
 */
const brokenStreams = { burst: 200, perSecond: 20 };
/** PING and SETTINGS frames, each of which has to be acknowledged (CVE-2019-9512, CVE-2019-9515). */
const controlFrames = { burst: 200, perSecond: 20 };
/** In megabytes, as node:http2 counts: heads, streams, and frames that wait, without what streams have written. */
const maxSessionMemory = 10;
/** For a connection that was ended to take its last words. */
const closeTimeoutMs = 2000;

export class Http2Sessions {
  readonly server: Http2Server;
  readonly #options: Http2SessionsOptions;
  readonly #sessions = new Set<ServerHttp2Session>();
  /** Connections, until they are closed. */
  readonly #sockets = new Set<Socket>();
  readonly #silence: Http2Silence;

  constructor(options: Http2SessionsOptions) {
    this.#options = options;
    this.#silence = new Http2Silence(options.clock);
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

  /** A connection that speaks HTTP/2. */
  take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    const onSession = (session: ServerHttp2Session) => this.#watch(session, socket);
    this.server.once("session", onSession);
    this.server.emit("connection", socket);
    this.server.off("session", onSession);
  }

  /** Takes no more requests; connections end when those that are open have been answered. */
  close(): void {
    for (const session of this.#sessions) session.close();
  }

  /** Cuts what is still open. */
  cut(): void {
    for (const session of this.#sessions) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  #watch(session: ServerHttp2Session, socket: Socket): void {
    const { clock, keepAliveMs } = this.#options;
    this.#sessions.add(session);
    const broken = new Allowance(clock, brokenStreams);
    const controls = new Allowance(clock, controlFrames);
    const calmDown = () =>
      session.destroy(
        new Error("the peer breaks off too much, or sends too much beside its requests"),
        constants.NGHTTP2_ENHANCE_YOUR_CALM,
      );
    const countControl = () => {
      if (!controls.take()) calmDown();
    };
    let streams = 0;
    let opened = 0;
    session.on("stream", (stream: ServerHttp2Stream) => {
      streams++;
      opened++;
      stream.once("close", () => {
        streams--;
        // Node.js ends what the peer has reset, which then looks finished.
        const isAnswered = stream.writableFinished && !stream.aborted;
        if (isAnswered && stream.rstCode === constants.NGHTTP2_NO_ERROR) broken.giveBack();
        else if (!broken.take()) calmDown();
      });
    });
    session.on("ping", countControl);
    session.on("remoteSettings", countControl);
    session.setTimeout(keepAliveMs, () => {
      const before = opened;
      // A request may have come while the process stood still.
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
    this.#silence.watch(session, { socket, isIdle: () => streams === 0, onDead });
  }

  /** Ends it with a word, and cuts it where that is not taken. */
  #end(session: ServerHttp2Session): void {
    session.close();
    this.#limit(() => session.destroy());
  }

  #limit(act: () => void): void {
    this.#options.clock.setTimer(act, closeTimeoutMs);
  }
}
