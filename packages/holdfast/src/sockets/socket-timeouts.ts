/**
 * The timeouts of one connection: pings, unfinished messages, idleness, stalled peers, closing. Records
 * when things happened, keeps one deadline at the earliest moment at which something could be due, and then returns what is due.
 * socket-driver.ts acts on it.
 */

import type { SocketSettings } from "../options/websocket.js";
import type { Clock } from "../time/clock.js";
import type { DeadlineHolder, Deadlines } from "../time/deadlines.js";
import { CloseCode } from "../websocket/frame.js";

export interface TimeoutsContext {
  readonly clock: Clock;
  readonly deadlines: Deadlines;
  readonly settings: SocketSettings;
}

/** The state of the driver's connection. */
export interface ConnectionStatus {
  readonly isOpen: boolean;
  readonly isReadPaused: boolean;
  /** Bytes of the write in progress that the operating system has not taken. */
  readonly bytesInFlight: number;
}

/** What the driver must do now. */
export type DueAction =
  | { readonly type: "ping" }
  | { readonly type: "terminate" }
  | { readonly type: "close" | "fail"; readonly code: number; readonly reason: string };

const terminate: DueAction = Object.freeze({ type: "terminate" });
const ping: DueAction = Object.freeze({ type: "ping" });

/** Not pending. All times are whole milliseconds of the clock's `elapsed`. */
const never = -1;

/** The times of one connection, and what is due. */
export class SocketTimeouts {
  readonly #context: TimeoutsContext;
  readonly #holder: DeadlineHolder;
  #dueAt = Infinity;
  #receivedAt = never;
  #messageAt = never;
  /** When the incoming message began. */
  #messageSince = never;
  #pingedAt = never;
  #blockedSince = never;
  #blockedBytes = 0;
  #closingSince = never;

  /** @param holder calls `check` when its deadline has come */
  constructor(context: TimeoutsContext, holder: DeadlineHolder) {
    this.#context = context;
    this.#holder = holder;
  }

  start(status: ConnectionStatus): void {
    this.#receivedAt = this.#messageAt = this.#now();
    this.check(this.#receivedAt, status);
  }

  stop(): void {
    this.#context.deadlines.clear(this.#holder);
  }

  /** Input arrived, or could not because reading was paused. */
  received(): void {
    this.#receivedAt = this.#now();
  }

  /**
   * @param hasMessage whether a message has ended in the input
   * @param isMidMessage whether one has begun or continues
   */
  messages(hasMessage: boolean, isMidMessage: boolean): void {
    if (hasMessage) this.#messageAt = this.#receivedAt;
    if (!isMidMessage) this.#messageSince = never;
    else if (hasMessage || this.#messageSince === never) {
      this.#messageSince = this.#receivedAt;
      this.#dueIn(this.#context.settings.messageTimeoutMs);
    }
  }

  /** A write has started that the operating system has not taken completely; the previous one has been. */
  blocked(bytesInFlight: number): void {
    this.#blockedSince = this.#now();
    this.#blockedBytes = bytesInFlight;
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

  /**
   * Checks everything, and sets the next deadline.
   * @param asOf time of the clock's `elapsed` up to which all input has been processed
   * @returns what is due; after anything but a ping, the connection is ending
   */
  check(asOf: number, status: ConnectionStatus): DueAction | undefined {
    this.#dueAt = Infinity;
    const now = Math.floor(asOf);
    const { settings } = this.#context;
    if (this.#closingSince !== never) {
      const left = this.#closingSince + settings.closeTimeoutMs - now;
      if (left <= 0) return terminate;
      this.#dueIn(left);
      return undefined;
    }
    const untilStalled = this.#untilStalled(now, status);
    if (untilStalled <= 0) return terminate;
    const untilTooLong = this.#untilMessageTooLong(now, status);
    if (untilTooLong <= 0) {
      const reason = `a message did not end within ${settings.messageTimeoutMs} ms`;
      return { type: "fail", code: CloseCode.policyViolation, reason };
    }
    const untilIdle = this.#untilIdle(now, status);
    if (untilIdle <= 0)
      return {
        type: "close",
        code: CloseCode.goingAway,
        reason: `no message for ${settings.idleTimeoutMs} ms`,
      };
    const untilPong = this.#untilPongMissing(now, status);
    if (untilPong <= 0) return terminate;
    let untilPing = untilPong === Infinity ? this.#untilPing(now, status) : Infinity;
    const isPingDue = untilPing <= 0;
    if (isPingDue) {
      this.#pingedAt = this.#now();
      // With a prompt pong, the next ping is due before a missing pong would be.
      untilPing = Math.min(settings.pongTimeoutMs, settings.pingIntervalMs as number);
    }
    const left = Math.min(untilStalled, untilTooLong, untilIdle, untilPong, untilPing);
    if (left !== Infinity) this.#dueIn(left);
    return isPingDue ? ping : undefined;
  }

  #untilStalled(now: number, { bytesInFlight }: ConnectionStatus): number {
    const { stallTimeoutMs } = this.#context.settings;
    if (stallTimeoutMs === null || this.#blockedSince === never) return Infinity;
    if (bytesInFlight < this.#blockedBytes) this.#blockedSince = now;
    this.#blockedBytes = bytesInFlight;
    return this.#blockedSince + stallTimeoutMs - now;
  }

  #untilMessageTooLong(now: number, { isReadPaused }: ConnectionStatus): number {
    const { messageTimeoutMs } = this.#context.settings;
    if (messageTimeoutMs === null || this.#messageSince === never) return Infinity;
    // A peer that is not read from cannot continue.
    if (isReadPaused) this.#messageSince = now;
    return this.#messageSince + messageTimeoutMs - now;
  }

  #untilIdle(now: number, { isReadPaused }: ConnectionStatus): number {
    const { idleTimeoutMs } = this.#context.settings;
    if (idleTimeoutMs === null) return Infinity;
    if (isReadPaused) this.#messageAt = now;
    return this.#messageAt + idleTimeoutMs - now;
  }

  /** Infinity if no pong is awaited. */
  #untilPongMissing(now: number, status: ConnectionStatus): number {
    if (this.#pingedAt === never) return Infinity;
    if (this.#receivedAt >= this.#pingedAt || !this.#canPing(status)) {
      this.#pingedAt = never;
      return Infinity;
    }
    return this.#pingedAt + this.#context.settings.pongTimeoutMs - now;
  }

  #untilPing(now: number, status: ConnectionStatus): number {
    const { pingIntervalMs } = this.#context.settings;
    if (pingIntervalMs === null || !status.isOpen) return Infinity;
    return this.#canPing(status) ? this.#receivedAt + pingIntervalMs - now : pingIntervalMs;
  }

  /** A peer that is not read from cannot answer, and one that does not read cannot be pinged. */
  #canPing({ isOpen, isReadPaused }: ConnectionStatus): boolean {
    return isOpen && !isReadPaused && this.#blockedSince === never;
  }

  #now(): number {
    return Math.floor(this.#context.clock.elapsed());
  }

  #dueIn(delayMs: number | null): void {
    if (delayMs === null) return;
    const at = this.#now() + delayMs;
    if (at >= this.#dueAt) return;
    this.#dueAt = at;
    this.#context.deadlines.set(this.#holder, delayMs);
  }
}
