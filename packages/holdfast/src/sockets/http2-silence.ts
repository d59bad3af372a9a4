/**
 * Finds connections of HTTP/2 on which nothing can go on any more. After some faults of a peer, Node.js says GOAWAY, stops
 * reading, and tells nobody; not even that the peer has gone is seen then. So a peer that has fallen silent is asked once,
 * with a PING, which every peer answers (RFC 9113 §6.7).
 */
import type { ServerHttp2Session } from "node:http2";
import type { Socket } from "node:net";
import type { Clock } from "../time/clock.js";
import { Ticks } from "./ticks.js";

const tickMs = 1000;
/** After so many ticks without a byte a peer is asked. */
const silentTicks = 3;
/** So long may its answer take: longer where it has requests, whose answers may be on their way before it. */
const answerTicks = { idle: 5, busy: 15 };

interface Watched {
  readonly isIdle: () => boolean;
  readonly onDead: () => void;
  readonly socket: Pick<Socket, "bytesRead">;
  bytesRead: number;
  ticks: number;
  state: "talking" | "asked" | "answered";
}

export class Http2Silence {
  readonly #sessions = new Map<ServerHttp2Session, Watched>();
  readonly #ticks: Ticks;

  constructor(clock: Clock) {
    this.#ticks = new Ticks({ clock, tickMs, onTick: () => this.#tick() });
  }

  /** Until the session is closed. */
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
