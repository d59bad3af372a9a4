/**
 * When a session ends on its own. {@link Keepalive} checks that the peer is still there: it must answer pings and, while bytes
 * wait for it, take some of them. It only decides; the session sets deadlines, pings and closes. {@link Expiry} ends what a token
 * has granted.
 */
import type { Clock } from "../time/clock.js";
import type { DeadlineHolder, Deadlines } from "../time/deadlines.js";
import { type Disconnect, disconnect } from "../wire/codes.js";
import type { SessionTimes } from "./context.js";

/**
 * - `opened`: the connection is open, and connect has not come.
 * - `connecting`: the connect command is running.
 * - `welcomed`: the application has accepted the client; from here on it is told when the session ends.
 * - `connected`: the connect reply is sent next; commands run and channels are read.
 * - `refused`: connect was answered with an error, and the client has to close.
 * - `ended`: nothing more is sent; the transport may still be closing.
 */
export type SessionState = "opened" | "connecting" | "welcomed" | "connected" | "refused" | "ended";

/** A peer that has taken this many bytes since a ping is slow, not gone. */
const progressBytes = 16 * 1024;

/** What is waited for: the time of the next ping, the answer to one, or progress of a full peer. */
export type KeepaliveWait = "ping time" | "pong" | "drain";

/** What to do at the end of a wait: ping, wait for a pong or for progress, or close. */
export type KeepaliveStep = "ping" | "pong" | "drain" | Disconnect;

/** The peer's state at the end of a wait. */
export interface PeerProgress {
  /** Bytes that the operating system has taken so far. */
  readonly takenBytes: number;
  readonly isFull: boolean;
  /** Whether this side has stopped reading since the ping, so that the pong may be unread. */
  readonly isThrottled: boolean;
}

export class Keepalive {
  readonly #times: SessionTimes;
  #waitsFor: KeepaliveWait | undefined;
  /** Bytes that had been taken when the wait began. */
  #takenBytes = 0;
  #hasDrained = false;
  /** Whole milliseconds, which take no memory of their own. */
  #pingedAt = 0;

  constructor(times: SessionTimes) {
    this.#times = times;
  }

  /** The first ping comes after half to a whole interval, so that pings spread. @returns milliseconds until then */
  start(random: number, takenBytes: number): number {
    return this.wait("ping time", takenBytes) * (0.5 + random / 2);
  }

  /**
   * Goes on in another process, which does not know when the last ping was: the next one comes within a third of an interval, so that
   * no peer waits for longer than it tolerates. @returns milliseconds until then
   */
  resume(random: number, takenBytes: number, awaitsPong: boolean): number {
    if (awaitsPong) return this.wait("pong", takenBytes);
    return (this.wait("ping time", takenBytes) * random) / 3;
  }

  /** @returns milliseconds until the end of the wait */
  wait(waitsFor: KeepaliveWait, takenBytes: number): number {
    this.#waitsFor = waitsFor;
    this.#takenBytes = takenBytes;
    this.#hasDrained = false;
    const { pingIntervalMs, pongTimeoutMs, stallTimeoutMs } = this.#times;
    if (waitsFor === "ping time") return pingIntervalMs;
    return waitsFor === "pong" ? pongTimeoutMs : stallTimeoutMs;
  }

  /** Whether a ping has no answer yet. */
  get awaitsPong(): boolean {
    return this.#waitsFor === "pong";
  }

  /** A ping is sent. @param now monotonic milliseconds */
  pinged(now: number): void {
    this.#pingedAt = Math.round(now);
  }

  /** The answer to a ping has come. @returns milliseconds since the ping */
  ponged(now: number): number {
    return Math.max(0, Math.round(now) - this.#pingedAt);
  }

  /** The peer has taken all that was written. @returns whether to ping now */
  drained(): boolean {
    this.#hasDrained = true;
    return this.#waitsFor === "drain";
  }

  next({ takenBytes, isFull, isThrottled }: PeerProgress): KeepaliveStep {
    const { pongTimeoutMs, stallTimeoutMs } = this.#times;
    const taken = takenBytes - this.#takenBytes;
    if (this.#waitsFor === "pong") {
      // A ping may lie behind other bytes that a slow peer is still taking. Over TLS and HTTP/2 each write is taken a moment
      // later, also the ping itself.
      if (isFull || (this.#hasDrained && taken >= progressBytes)) return "drain";
      return isThrottled ? "pong" : disconnect("noPong", `no answer to a ping within ${pongTimeoutMs} ms`);
    }
    if (!isFull) return "ping";
    if (this.#waitsFor === "ping time" || taken > 0) return "drain";
    return disconnect("slow", `nothing was read for ${stallTimeoutMs} ms`);
  }
}

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

/** The ttl that clients are told: whole seconds, at least one. */
export function secondsUntil(expiresAt: number | undefined, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));
}

/** Why a connection ends that has not connected in time. */
export function connectTimeoutReason(state: SessionState, connectTimeoutMs: number): Disconnect {
  // The page may be frozen or the network stalled, so clients must reconnect.
  if (state === "opened") return disconnect("slow", `no connect within ${connectTimeoutMs} ms`);
  if (state === "refused") return disconnect("stale", `no accepted connect within ${connectTimeoutMs} ms`);
  // Not the client's fault, so clients must reconnect.
  return disconnect("internalError", `authentication took over ${connectTimeoutMs} ms`);
}
