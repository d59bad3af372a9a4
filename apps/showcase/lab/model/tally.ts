/** What one reader has counted, and whether it got every message once and in order. */
import { LatencyHistogram, SequenceCheck } from "@holdfast/lab/load";
import type { BenchMessage } from "../server/protocol.js";

export interface ArrivalPoint {
  /** Unix milliseconds of this browser. */
  readonly at: number;
  readonly latencyMs: number;
}

const maxPoints = 4000;
const maxErrors = 3;

export class Tally {
  requests = 0;
  answers = 0;
  emptyAnswers = 0;
  frames = 0;
  deliveries = 0;
  cuts = 0;
  reconnects = 0;
  errors = 0;
  readonly firstErrors: string[] = [];
  readonly check = new SequenceCheck();
  readonly latency = new LatencyHistogram();
  readonly points: ArrivalPoint[] = [];
  readonly #now: () => number;
  /** By so much is the server's clock ahead of this browser's, in milliseconds. */
  readonly #clockAheadMs: number;

  constructor(now: () => number, clockAheadMs: number) {
    this.#now = now;
    this.#clockAheadMs = clockAheadMs;
  }

  /** From here on everything counts anew. Nothing has been published before. */
  begin(): void {
    for (const name of [
      "requests",
      "answers",
      "emptyAnswers",
      "frames",
      "deliveries",
      "cuts",
      "reconnects",
    ] as const)
      this[name] = 0;
  }

  /** An answer to a read, complete, with so many messages in it. */
  answer(messages: number): void {
    this.answers += 1;
    if (messages === 0) this.emptyAnswers += 1;
  }

  take({ n, at }: BenchMessage): void {
    this.deliveries += 1;
    if (this.check.take(n) === "duplicate") return;
    const now = this.#now();
    // Clocks that were compared over a network may be a little off.
    const latencyMs = Math.max(0, now + this.#clockAheadMs - at);
    this.latency.record(latencyMs);
    this.points.push({ at: now, latencyMs });
    if (this.points.length > maxPoints) this.points.shift();
  }

  fail(message: string): void {
    this.errors += 1;
    if (this.firstErrors.length < maxErrors) this.firstErrors.push(message);
  }
}
