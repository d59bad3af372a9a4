/** Carries out a plan: each fault at its time, on the client that it names, whatever that is doing then. */
import { setTimeout as sleep } from "node:timers/promises";
import { type Clients, linesOf } from "./clients.js";
import type { FaultProxy } from "./fault-proxy.js";
import { type ClientFault, isClientFault, type PlannedFault } from "./plan.js";
import type { System } from "./system.js";

export interface FaultRunnerOptions {
  readonly seconds: number;
  readonly plan: readonly PlannedFault[];
  readonly clients: Clients;
  readonly proxy: FaultProxy;
  readonly system: System;
  /** The server's side unsubscribes a user from everything. */
  readonly unsubscribe: (user: string) => void;
}

/** The plan goes on when so many clients are connected again, or after a time. */
const returnedPart = 0.9;
const mostReturnMs = 8000;
const pollMs = 50;

/** Readers of a channel that pause while there is a burst. */
const pausedInBurst = 3;
const burstPauseMs = 2500;

export class FaultRunner {
  readonly counts = { line: 0, missed: 0, paused: 0, bursts: 0, unsubscribes: 0 };
  readonly #options: FaultRunnerOptions;
  /** Time 0 of the plan's clock. */
  #start = Date.now();
  /** Since when that stands still. */
  #pauseBegin: number | undefined;
  /** Faults of the system that are not over. */
  readonly #pending = new Set<Promise<void>>();

  constructor(options: FaultRunnerOptions) {
    this.#options = options;
  }

  /** Time of the plan that has passed. */
  get elapsedMs(): number {
    return (this.#pauseBegin ?? Date.now()) - this.#start;
  }

  /** Resolves when the time and all faults of the system are over. @throws Error when that does not start again */
  async run(): Promise<void> {
    const { plan, system, seconds } = this.#options;
    this.#start = Date.now();
    for (const { atMs, fault } of plan) {
      await this.#sleepUntil(atMs);
      if (isClientFault(fault)) this.#carryOut(fault);
      else {
        const pending = system.carryOut(fault);
        this.#pending.add(pending);
        // Whoever waits for the plan is told; until then it must not count as unhandled.
        pending.catch(() => {});
        if (fault.kind === "end" && fault.isAwaited) await this.#standStill(() => pending);
      }
    }
    await this.#sleepUntil(seconds * 1000);
    await Promise.all(this.#pending);
  }

  async #sleepUntil(atMs: number): Promise<void> {
    const wait = this.#start + atMs - Date.now();
    if (wait > 0) await sleep(wait);
  }

  /** The plan's clock does not count what this takes. */
  async #standStill(work: () => Promise<void>): Promise<void> {
    const begin = Date.now();
    this.#pauseBegin = begin;
    await work();
    await this.#clientsAreBack();
    this.#pauseBegin = undefined;
    this.#start += Date.now() - begin;
  }

  async #clientsAreBack(): Promise<void> {
    const clients = linesOf(this.#options.clients);
    const deadline = Date.now() + mostReturnMs;
    while (Date.now() < deadline) {
      const connected = clients.filter(({ localPort }) => localPort !== undefined).length;
      if (connected >= clients.length * returnedPart) return;
      await sleep(pollMs);
    }
  }

  #carryOut(fault: ClientFault): void {
    const { clients } = this.#options;
    const readers = clients.readers;
    switch (fault.kind) {
      case "link": {
        const client = linesOf(clients)[fault.client];
        const port = client?.localPort;
        const isHit = port !== undefined && this.#options.proxy.apply(port, fault.fault);
        this.counts[isHit ? "line" : "missed"]++;
        break;
      }
      case "pause":
        readers[fault.client - clients.publishers.length]?.pause(fault.ms);
        this.counts.paused++;
        break;
      case "leave":
        readers[fault.client - clients.publishers.length]?.leave(fault.awayMs);
        break;
      case "unsubscribe": {
        const user = readers[fault.client - clients.publishers.length]?.user;
        if (user === undefined) break;
        this.#options.unsubscribe(user);
        this.counts.unsubscribes++;
        break;
      }
      case "burst":
        for (const reader of readers
          .filter(({ channels }) => channels.includes(fault.channel))
          .slice(0, pausedInBurst))
          reader.pause(burstPauseMs);
        clients.burster.burst(fault.count, fault.channel, fault.bytes);
        this.counts.bursts++;
        break;
      case "whisper":
        clients.whisperer.burst(1, fault.channel, 0);
    }
  }
}
