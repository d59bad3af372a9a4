/**
 * When a session ends by itself. {@link Keepalive} finds out whether the peer is still there: it must answer pings and, when
 * the way to it is full, take something now and then. {@link Expiry} is the end of what a token has granted. Keepalive only
 * decides; the session has the deadline, pings and closes.
 */
import type { Clock } from "../time/clock.js";
import type { DeadlineHolder, Deadlines } from "../time/deadlines.js";
import { type Disconnect, disconnect } from "../wire/codes.js";
import type { SessionTimes } from "./context.js";

/** Bytes that a peer has to have taken since a ping, to be slow and not gone. */
const progressBytes = 16 * 1024;

/** What is waited for: the time of the next ping, the answer to one, or that a full peer takes something. */
export type KeepaliveWait = "ping time" | "pong" | "drain";

/** What to do at the end of a wait: ping and wait for the answer, wait for something else, or close. */
export type KeepaliveStep = "ping" | "pong" | "drain" | Disconnect;

/** What is known of the peer at the end of a wait. */
export interface PeerProgress {
  /** Bytes that the operating system has taken so far. */
  readonly takenBytes: number;
  readonly isFull: boolean;
  /** Whether this side had stopped reading since the ping, so that the answer may be there already. */
  readonly isThrottled: boolean;
}

export class Keepalive {
  readonly #times: SessionTimes;
  #waitsFor: KeepaliveWait | undefined;
  /** What had been taken when the wait began. */
  #takenBytes = 0;
  #hasDrained = false;

  constructor(times: SessionTimes) {
    this.#times = times;
  }

  /** Pings begin after half to a whole interval, so that they spread. @returns milliseconds until then */
  start(random: number, takenBytes: number): number {
    return this.wait("ping time", takenBytes) * (0.5 + random / 2);
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

/** As clients are told: whole seconds, at least one. */
export function secondsUntil(expiresAt: number | undefined, now: number): number | undefined {
  return expiresAt === undefined ? undefined : Math.max(1, Math.ceil((expiresAt - now) / 1000));
}
