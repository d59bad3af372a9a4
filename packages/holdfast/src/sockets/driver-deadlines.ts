/**
 * The bounds in time of one connection. Its one deadline lies at the earliest moment at which something could be due;
 * then everything is looked at, and the next moment is set. So reading and writing only note when they happened.
 */
import type { DeadlineHolder } from "../time/deadlines.js";
import { CloseCode, type WebSocketConnection } from "../websocket/index.js";
import type { DriverContext } from "./driver-context.js";

/** The part of a driver that deadlines act on. */
export interface TimedDriver {
  readonly connection: WebSocketConnection;
  /** Of the write that is under way, what the operating system has not taken yet. */
  readonly bytesUnderWay: number;
  readonly isReadingHeldUp: boolean;
  sendOutput(): void;
  close(code: number, reason: string): void;
  fail(code: number, reason: string): void;
  destroy(): void;
}

/** Not under way. All moments are whole milliseconds of the clock's `elapsed`. */
const never = -1;

export class DriverDeadlines implements DeadlineHolder {
  dueTick = 0;
  readonly #driver: TimedDriver;
  readonly #context: DriverContext;
  #dueAt = Infinity;
  #receivedAt = never;
  #messageAt = never;
  /** When the message under way began. */
  #messageSince = never;
  #pingedAt = never;
  #blockedSince = never;
  #blockedBytes = 0;
  #closingSince = never;

  constructor(driver: TimedDriver, context: DriverContext) {
    this.#driver = driver;
    this.#context = context;
  }

  start(): void {
    this.#receivedAt = this.#messageAt = this.#now();
    this.onDeadline(this.#receivedAt);
  }

  stop(): void {
    this.#context.deadlines.clear(this);
  }

  /** Something came from the peer, or could not come because nothing was read. */
  received(): void {
    this.#receivedAt = this.#now();
  }

  /**
   * @param hasMessage whether a message has ended in what came
   * @param isMidMessage whether one has begun there, or goes on
   */
  messages(hasMessage: boolean, isMidMessage: boolean): void {
    if (hasMessage) this.#messageAt = this.#receivedAt;
    if (!isMidMessage) this.#messageSince = never;
    else if (hasMessage || this.#messageSince === never) {
      this.#messageSince = this.#receivedAt;
      this.#dueIn(this.#context.settings.messageTimeoutMs);
    }
  }

  /** A write was begun that the operating system has not taken as a whole; one before it has been. */
  blocked(): void {
    this.#blockedSince = this.#now();
    this.#blockedBytes = this.#driver.bytesUnderWay;
    this.#dueIn(this.#context.settings.stallTimeoutMs);
  }

  unblocked(): void {
    this.#blockedSince = never;
  }

  closing(): void {
    if (this.#closingSince !== never) return;
    this.#closingSince = this.#now();
    this.#dueIn(this.#context.settings.closeTimeoutMs);
  }

  onDeadline(asOf: number): void {
    this.#dueAt = Infinity;
    const now = Math.floor(asOf);
    const left =
      this.#closingSince === never
        ? Math.min(
            this.#untilStalled(now),
            this.#untilMessageTooLong(now),
            this.#untilIdle(now),
            this.#untilPing(now),
          )
        : this.#untilCut(now);
    if (left > 0 && left !== Infinity) this.#dueIn(left);
  }

  // Each of these acts when its time has come, and tells how long it takes until then: 0 when the connection is ending.

  #untilCut(now: number): number {
    const left = this.#closingSince + this.#context.settings.closeTimeoutMs - now;
    if (left <= 0) this.#driver.destroy();
    return Math.max(0, left);
  }

  #untilStalled(now: number): number {
    const { stallTimeoutMs } = this.#context.settings;
    if (stallTimeoutMs === null || this.#blockedSince === never) return Infinity;
    const { bytesUnderWay } = this.#driver;
    if (bytesUnderWay < this.#blockedBytes) this.#blockedSince = now;
    this.#blockedBytes = bytesUnderWay;
    const left = this.#blockedSince + stallTimeoutMs - now;
    if (left <= 0) this.#driver.destroy();
    return Math.max(0, left);
  }

  #untilMessageTooLong(now: number): number {
    const { messageTimeoutMs } = this.#context.settings;
    if (messageTimeoutMs === null || this.#messageSince === never) return Infinity;
    // A peer that is not listened to can't go on.
    if (this.#driver.isReadingHeldUp) this.#messageSince = now;
    const left = this.#messageSince + messageTimeoutMs - now;
    if (left <= 0)
      this.#driver.fail(CloseCode.policyViolation, `a message has not ended after ${messageTimeoutMs} ms`);
    return Math.max(0, left);
  }

  #untilIdle(now: number): number {
    const { idleTimeoutMs } = this.#context.settings;
    if (idleTimeoutMs === null) return Infinity;
    if (this.#driver.isReadingHeldUp) this.#messageAt = now;
    const left = this.#messageAt + idleTimeoutMs - now;
    if (left <= 0) this.#driver.close(CloseCode.goingAway, `no message for ${idleTimeoutMs} ms`);
    return Math.max(0, left);
  }

  #untilPing(now: number): number {
    const { pingIntervalMs, pongTimeoutMs } = this.#context.settings;
    if (pingIntervalMs === null || this.#driver.connection.state !== "open") return Infinity;
    // Nothing can be heard of a peer that is not listened to, nor said to one that takes nothing.
    if (this.#driver.isReadingHeldUp || this.#blockedSince !== never) {
      this.#pingedAt = never;
      return pingIntervalMs;
    }
    if (this.#pingedAt !== never && this.#receivedAt >= this.#pingedAt) this.#pingedAt = never;
    if (this.#pingedAt !== never) {
      const left = this.#pingedAt + pongTimeoutMs - now;
      if (left <= 0) this.#driver.destroy();
      return Math.max(0, left);
    }
    const left = this.#receivedAt + pingIntervalMs - now;
    if (left > 0) return left;
    this.#driver.connection.sendPing();
    this.#driver.sendOutput();
    this.#pingedAt = this.#now();
    // A pong that comes soon makes the next ping due before a missing one would be.
    return Math.min(pongTimeoutMs, pingIntervalMs);
  }

  #now(): number {
    return Math.floor(this.#context.clock.elapsed());
  }

  #dueIn(delayMs: number | null): void {
    if (delayMs === null) return;
    const at = this.#now() + delayMs;
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    this.#context.deadlines.set(this, delayMs);
  }
}
