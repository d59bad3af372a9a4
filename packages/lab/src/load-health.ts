/** Whether the process that plays the users has time to measure: its processor time, and how busy it is while messages arrive. */
import { type EventLoopUtilization, performance } from "node:perf_hooks";
import { busyTimes } from "./node/machine.js";
import type { LoadHealth } from "./report/index.js";

/** How much of the processor the load itself takes, from when this is created. */
export class ProcessorWatch {
  readonly #loop = performance.eventLoopUtilization();
  readonly #cpu = process.cpuUsage();
  readonly #machine = busyTimes();
  readonly #startedAt = performance.now();

  read(): Pick<LoadHealth, "loopUtilization" | "corePercent" | "machineBusy"> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const machine = busyTimes();
    const allMs = machine.allMs - this.#machine.allMs;
    return {
      loopUtilization: performance.eventLoopUtilization(this.#loop).utilization,
      corePercent: (user + system) / 10 / (performance.now() - this.#startedAt) || 0,
      machineBusy: allMs > 0 ? (machine.busyMs - this.#machine.busyMs) / allMs : 0,
    };
  }
}

/** Shorter bursts are over before anybody waits, however busy they are. */
const minBurstMs = 5;

export interface ArrivalWatchOptions {
  readonly users: number;
  /** Idle and active time so far. @default that of this process's event loop */
  readonly read?: () => Pick<EventLoopUtilization, "idle" | "active">;
}

/** How busy this process is while messages arrive: idle over the whole run, it may still be the bottleneck in these moments. */
export class ArrivalWatch {
  readonly #users: number;
  readonly #read: () => Pick<EventLoopUtilization, "idle" | "active">;
  /** By message that has not reached all users yet: how many it has reached. */
  readonly #pending = new Map<number, number>();
  #start: Pick<EventLoopUtilization, "idle" | "active"> | undefined;
  #idle = 0;
  #active = 0;

  constructor({ users, read = () => performance.eventLoopUtilization() }: ArrivalWatchOptions) {
    this.#users = users;
    this.#read = read;
  }

  /** A user received a message for the first time. */
  recordArrival(sequence: number): void {
    const count = (this.#pending.get(sequence) ?? 0) + 1;
    if (this.#pending.size === 0) this.#start = this.#read();
    if (count < this.#users) this.#pending.set(sequence, count);
    else this.#pending.delete(sequence);
    if (this.#pending.size === 0) this.#close();
  }

  /** @returns the share of that time in which the event loop was busy, 0 to 1; 0 where nothing arrived, or all of it at once */
  utilization(): number {
    if (this.#pending.size > 0) {
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
    if (idleMs + activeMs < minBurstMs) return;
    this.#idle += idleMs;
    this.#active += activeMs;
  }
}
