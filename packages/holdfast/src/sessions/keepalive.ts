/**
 * Finds out whether a session's peer is still there: it must connect in time, answer pings, and, when the way to it is
 * full, take something now and then. One deadline at a time.
 */

import type { Clock } from "../time/clock.js";
import type { DeadlineHolder, Deadlines } from "../time/deadlines.js";
import { disconnect } from "../wire/codes.js";
import type { SessionContext } from "./context.js";
import type { Session } from "./session.js";

/** Bytes that a peer has to have taken since a ping, to be slow and not gone. */
const muchBytes = 16 * 1024;

export class Keepalive implements DeadlineHolder {
  dueTick = 0;
  readonly #session: Session;
  readonly #context: SessionContext;
  #waitsFor: "connect" | "next ping" | "pong" | "drain" = "connect";
  /** What had been taken when the wait began. */
  #takenBytes = 0;
  #hasDrained = false;

  constructor(session: Session, context: SessionContext) {
    this.#session = session;
    this.#context = context;
    context.deadlines.set(this, context.times.connectTimeoutMs);
  }

  /** The session is connected: pings begin, the first after half to a whole interval, so that they spread. */
  start(): void {
    const { times, random } = this.#context;
    this.#wait("next ping", times.pingIntervalMs * (0.5 + random() / 2));
  }

  stop(): void {
    this.#context.deadlines.clear(this);
  }

  /** A pong that nobody asked for is ignored. */
  receivePong(): void {
    if (this.#waitsFor !== "pong") return;
    this.#wait("next ping", this.#context.times.pingIntervalMs);
  }

  /** The peer has taken all that was written. */
  noteDrained(): void {
    this.#hasDrained = true;
    if (this.#waitsFor === "drain") this.#ping();
  }

  /** Whether the peer has taken something since the wait began. */
  get #hasProgress(): boolean {
    return this.#session.takenBytes > this.#takenBytes;
  }

  /** Over TLS and HTTP/2 each write is taken a moment later, also the ping itself. */
  get #hasTakenMuch(): boolean {
    return this.#session.takenBytes - this.#takenBytes >= muchBytes;
  }

  onDeadline(): void {
    const { times } = this.#context;
    this.#session.channels.renewPresence();
    switch (this.#waitsFor) {
      case "connect":
        this.#session.close(
          this.#session.isConnecting
            ? // Not the client's fault, and so nothing that it should stay away for.
              disconnect("internalError", `finding out who it is took over ${times.connectTimeoutMs} ms`)
            : this.#session.hasAskedToConnect
              ? disconnect("stale", `no connect that was accepted within ${times.connectTimeoutMs} ms`)
              : // A page that is frozen or a line that stalls, after which clients must not stay away either.
                disconnect("slow", `no connect within ${times.connectTimeoutMs} ms`),
        );
        return;
      case "next ping":
        if (this.#session.isFull) this.#waitForDrain();
        else this.#ping();
        return;
      case "pong":
        // A ping may lie behind other bytes that a slow peer is still taking.
        if (this.#session.isFull || (this.#hasDrained && this.#hasTakenMuch)) this.#waitForDrain();
        // This side has stopped reading, so the answer may be there already.
        else if (this.#session.isHeldUp || this.#session.consumeThrottled())
          this.#wait("pong", times.pongTimeoutMs);
        else
          this.#session.close(disconnect("noPong", `no answer to a ping within ${times.pongTimeoutMs} ms`));
        return;
      case "drain":
        if (!this.#session.isFull) this.#ping();
        else if (this.#hasProgress) this.#waitForDrain();
        else this.#session.close(disconnect("slow", `nothing was read for ${times.stallTimeoutMs} ms`));
        return;
    }
  }

  #ping(): void {
    this.#session.consumeThrottled();
    this.#session.sendPing();
    this.#wait("pong", this.#context.times.pongTimeoutMs);
  }

  #waitForDrain(): void {
    this.#wait("drain", this.#context.times.stallTimeoutMs);
  }

  #wait(waitsFor: "next ping" | "pong" | "drain", delayMs: number): void {
    this.#waitsFor = waitsFor;
    this.#takenBytes = this.#session.takenBytes;
    this.#hasDrained = false;
    this.#context.deadlines.set(this, delayMs);
  }
}

// The end of what a token has granted: a connection, or one subscription.

/** A client that refreshes its token at the last moment is given this long. */
export const expiryGraceMs = 25_000;

export class Expiry implements DeadlineHolder {
  dueTick = 0;
  readonly #deadlines: Deadlines;
  readonly #clock: Clock;
  readonly #onExpired: () => void;

  constructor(context: { readonly deadlines: Deadlines; readonly clock: Clock }, onExpired: () => void) {
    this.#deadlines = context.deadlines;
    this.#clock = context.clock;
    this.#onExpired = onExpired;
  }

  /** @param expiresAt Unix milliseconds; undefined for never */
  set(expiresAt: number | undefined): void {
    if (expiresAt === undefined) this.stop();
    else this.#deadlines.set(this, expiresAt - this.#clock.now() + expiryGraceMs);
  }

  stop(): void {
    this.#deadlines.clear(this);
  }

  onDeadline(): void {
    this.#onExpired();
  }
}

/** As clients are told: whole seconds, at least one. */
export function secondsUntil(expiresAt: number | undefined, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));
}
