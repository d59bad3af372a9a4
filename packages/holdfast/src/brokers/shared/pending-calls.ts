/**
 * Calls of a follower that wait for their results, in the order they were made. They outlive the connection: when the store has
 * another owner, they are sent again, or made here if this process has become the owner. A publish that had been sent may have been
 * written, so it is repeated only if it has an idempotency key, and rejected otherwise.
 */
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import { payloadMemory } from "../../wire/payload.js";
import { type Call, decodeFailure, decodeResult, encodeCall } from "./calls.js";
import { type Frame, kinds } from "./frames.js";

/** After which a call is rejected, whatever it waits for. */
export const callTimeoutMs = 5000;
const expiryIntervalMs = 500;
/** Calls that may wait, and the memory of their payloads. */
const maxCalls = 200_000;
const maxBytes = 64 * 1024 * 1024;
const maxId = 0xffff_ffff;

interface Pending {
  readonly call: Call;
  readonly bytes: number;
  readonly dueAt: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  isSent: boolean;
}

export class PendingCalls {
  readonly #clock: Pick<Clock, "elapsed" | "setTimer">;
  readonly #onWaiting: (isWaiting: boolean) => void;
  readonly #calls = new Map<number, Pending>();
  #lastId = 0;
  #bytes = 0;
  #send: ((frame: Buffer) => void) | undefined;
  #cancelTimer: (() => void) | undefined;
  readonly #onIdle: (() => void)[] = [];

  /** @param onWaiting whether calls wait: told when the first comes, and when the last has gone */
  constructor(clock: Pick<Clock, "elapsed" | "setTimer">, onWaiting: (isWaiting: boolean) => void) {
    this.#clock = clock;
    this.#onWaiting = onWaiting;
  }

  get size(): number {
    return this.#calls.size;
  }

  /** @throws HF_BROKER_FULL, and what the owner rejects with; HF_BROKER_UNAVAILABLE after the time for calls */
  add(call: Call): Promise<unknown> {
    const bytes = call.method === "publish" ? payloadMemory(call.publication.data) : 0;
    if (this.#calls.size >= maxCalls || this.#bytes + bytes > maxBytes)
      return Promise.reject(
        new HoldfastError("HF_BROKER_FULL", "too many calls wait for the process that has the store open"),
      );
    return new Promise((resolve, reject) => {
      const dueAt = this.#clock.elapsed() + callTimeoutMs;
      const pending = { call, bytes, dueAt, resolve, reject, isSent: false };
      const id = this.#nextId();
      this.#calls.set(id, pending);
      this.#bytes += bytes;
      if (this.#calls.size === 1) this.#begin();
      if (this.#send) this.#sendCall(id, pending, this.#send);
    });
  }

  /** Sends all calls, and each that comes. */
  attach(send: (frame: Buffer) => void): void {
    this.#send = send;
    for (const [id, pending] of this.#calls) this.#sendCall(id, pending, send);
  }

  /** Calls that come wait; the results of others still come. */
  pause(): void {
    this.#send = undefined;
  }

  /** The connection is gone, and with it the results of what was sent. */
  detach(): void {
    this.#send = undefined;
    for (const [id, pending] of this.#calls) {
      const { call, isSent } = pending;
      if (isSent && call.method === "publish" && call.options.idempotencyKey === undefined)
        this.#remove(id)?.reject(unknownOutcome());
      else pending.isSent = false;
    }
  }

  /** Makes all calls here. */
  makeAll(make: (call: Call) => Promise<unknown>): void {
    this.#send = undefined;
    for (const id of [...this.#calls.keys()]) {
      const pending = this.#remove(id);
      if (pending) make(pending.call).then(pending.resolve, pending.reject);
    }
  }

  /** A result or a failure has come. @returns whether its call still waited */
  settle(frame: Frame): boolean {
    const pending = this.#remove(frame.id);
    if (pending === undefined) return false;
    if (frame.kind === kinds.failure) pending.reject(decodeFailure(frame));
    else pending.resolve(decodeResult(pending.call, frame));
    return true;
  }

  /** Nothing is subscribed any more: only that is no failure. */
  rejectAll(error: HoldfastError): void {
    this.#send = undefined;
    for (const id of [...this.#calls.keys()]) {
      const pending = this.#remove(id);
      if (pending?.call.method === "unsubscribe") pending.resolve(undefined);
      else pending?.reject(error);
    }
  }

  /** Resolves once no call waits. */
  idle(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  #sendCall(id: number, pending: Pending, send: (frame: Buffer) => void): void {
    pending.isSent = true;
    send(encodeCall(id, pending.call));
  }

  #nextId(): number {
    do this.#lastId = this.#lastId === maxId ? 1 : this.#lastId + 1;
    while (this.#calls.has(this.#lastId));
    return this.#lastId;
  }

  #remove(id: number): Pending | undefined {
    const pending = this.#calls.get(id);
    if (pending === undefined) return undefined;
    this.#calls.delete(id);
    this.#bytes -= pending.bytes;
    if (this.#calls.size === 0) this.#end();
    return pending;
  }

  #begin(): void {
    this.#onWaiting(true);
    this.#cancelTimer ??= this.#clock.setTimer(() => this.#expire(), expiryIntervalMs);
  }

  #end(): void {
    this.#onWaiting(false);
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  /** All have the same time, so the first ones are due first. */
  #expire(): void {
    this.#cancelTimer = undefined;
    const now = this.#clock.elapsed();
    for (const [id, { dueAt }] of this.#calls) {
      if (dueAt > now) break;
      this.#remove(id)?.reject(noAnswer());
    }
    if (this.#calls.size > 0)
      this.#cancelTimer = this.#clock.setTimer(() => this.#expire(), expiryIntervalMs);
  }
}

function noAnswer(): HoldfastError {
  return new HoldfastError(
    "HF_BROKER_UNAVAILABLE",
    `the process that has the store open has not answered within ${callTimeoutMs / 1000} seconds`,
  );
}

function unknownOutcome(): HoldfastError {
  return new HoldfastError(
    "HF_BROKER_UNAVAILABLE",
    "the process that had the store open has ended; the publication may have been written. Publish with an idempotency key to repeat it safely",
  );
}
