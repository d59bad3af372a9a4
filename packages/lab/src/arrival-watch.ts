/**
 * How busy this process is while messages arrive: over a whole run it may be idle, and yet be what everybody waits for in
 * the moments that count.
 */
import { type EventLoopUtilization, performance } from "node:perf_hooks";

/** Shorter bursts are over before anybody waits, however busy they are. */
const leastBurstMs = 5;

export interface ArrivalWatchOptions {
  readonly users: number;
  /** Idle and active time so far. @default that of this process's event loop */
  readonly read?: () => Pick<EventLoopUtilization, "idle" | "active">;
}

export class ArrivalWatch {
  readonly #users: number;
  readonly #read: () => Pick<EventLoopUtilization, "idle" | "active">;
  /** Of messages that have come to some users, how many these are. */
  readonly #underWay = new Map<number, number>();
  #start: Pick<EventLoopUtilization, "idle" | "active"> | undefined;
  #idle = 0;
  #active = 0;

  constructor({ users, read = () => performance.eventLoopUtilization() }: ArrivalWatchOptions) {
    this.#users = users;
    this.#read = read;
  }

  /** Another user has a message. Not for those that come twice. */
  take(sequence: number): void {
    const count = (this.#underWay.get(sequence) ?? 0) + 1;
    if (this.#underWay.size === 0) this.#start = this.#read();
    if (count < this.#users) this.#underWay.set(sequence, count);
    else this.#underWay.delete(sequence);
    if (this.#underWay.size === 0) this.#close();
  }

  /** @returns the share of that time in which the event loop was busy, 0 to 1; 0 where nothing came, or all of it at once */
  utilization(): number {
    if (this.#underWay.size > 0) {
      this.#close();
      this.#start = this.#read();
    }
    const all = this.#idle + this.#active;
    return all > 0 ? this.#active / all : 0;
  }

  #close(): void {
    const { idle, active } = this.#read();
    if (this.#start === undefined) return;
    const idleMs = idle - this.#start.idle;
    const activeMs = active - this.#start.active;
    this.#start = undefined;
    if (idleMs + activeMs < leastBurstMs) return;
    this.#idle += idleMs;
    this.#active += activeMs;
  }
}
