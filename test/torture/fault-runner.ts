/** Carries out a plan: each fault at its time, on the client that it names, whatever that is doing then. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Clients } from "./clients.js";
import type { FaultProxy } from "./fault-proxy.js";
import type { Recorder } from "./history.js";
import type { Fault, PlannedFault } from "./plan.js";
import type { ServerProcess } from "./server-process.js";

export interface FaultRunnerOptions {
  readonly seconds: number;
  readonly plan: readonly PlannedFault[];
  readonly clients: Clients;
  readonly proxy: FaultProxy;
  readonly server: ServerProcess;
  readonly recorder: Recorder;
  /** The server's side unsubscribes a user from everything. */
  readonly unsubscribe: (user: string) => void;
}

type EndFault = Extract<Fault, { kind: "end" }>;

/** The plan goes on when so many clients are connected again, or after a time. */
const returnedPart = 0.9;
const mostReturnMs = 8000;
const pollMs = 50;

/** Readers of a channel that pause while there is a burst. */
const pausedInBurst = 3;
const burstPauseMs = 2500;

export class FaultRunner {
  readonly counts = {
    kills: 0,
    powerCuts: 0,
    briefStarts: 0,
    line: 0,
    missed: 0,
    paused: 0,
    bursts: 0,
    unsubscribes: 0,
    suspensions: 0,
    clockSteps: 0,
    fullDisks: 0,
  };
  readonly #options: FaultRunnerOptions;
  /** Time 0 of the plan's clock. */
  #start = Date.now();
  /** Since when that stands still. */
  #pauseBegin: number | undefined;
  /** The server's ends and starts, one after the other. */
  #ends: Promise<void> = Promise.resolve();

  constructor(options: FaultRunnerOptions) {
    this.#options = options;
  }

  /** Time of the plan that has passed. */
  get elapsedMs(): number {
    return (this.#pauseBegin ?? Date.now()) - this.#start;
  }

  /** Resolves when the time is over and the server runs again. @throws Error when it does not start */
  async run(): Promise<void> {
    this.#start = Date.now();
    for (const { atMs, fault } of this.#options.plan) {
      await this.#sleepUntil(atMs);
      if (fault.kind !== "end") this.#carryOut(fault);
      else if (fault.isAwaited) await this.#standStill(() => this.#end(fault));
      else void this.#end(fault);
    }
    await this.#sleepUntil(this.#options.seconds * 1000);
    await this.#ends;
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
    const { publishers, readers } = this.#options.clients;
    const clients = [...publishers, ...readers];
    const deadline = Date.now() + mostReturnMs;
    while (Date.now() < deadline) {
      const connected = clients.filter(({ localPort }) => localPort !== undefined).length;
      if (connected >= clients.length * returnedPart) return;
      await sleep(pollMs);
    }
  }

  #carryOut(fault: Exclude<Fault, EndFault>): void {
    const { clients, server } = this.#options;
    const readers = clients.readers;
    switch (fault.kind) {
      case "link": {
        const client = [...clients.publishers, ...readers][fault.client];
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
      case "suspend":
        server.suspend(fault.ms);
        this.counts.suspensions++;
        break;
      case "clock":
        server.stepClock(fault.stepMs);
        this.counts.clockSteps++;
        break;
      case "fullDisk":
        server.setDiskFull(true);
        setTimeout(() => server.setDiskFull(false), fault.ms);
        this.counts.fullDisks++;
        break;
      case "burst":
        for (const reader of readers
          .filter(({ channels }) => channels.includes(fault.channel))
          .slice(0, pausedInBurst))
          reader.pause(burstPauseMs);
        clients.burster.burst(fault.count, fault.channel, fault.bytes);
        this.counts.bursts++;
    }
  }

  #end(fault: EndFault): Promise<void> {
    this.#ends = this.#ends.then(() => this.#endAndStart(fault));
    // Whoever waits for the plan is told; until then it must not count as unhandled.
    this.#ends.catch(() => {});
    return this.#ends;
  }

  async #endAndStart({ loss, downMs, tearSeed, briefStartsMs }: EndFault): Promise<void> {
    const { server, recorder } = this.#options;
    recorder.end(loss);
    await server.end(loss, tearSeed);
    this.counts[loss === "kill" ? "kills" : "powerCuts"]++;
    await sleep(downMs);
    for (const ms of briefStartsMs) {
      await server.startBriefly(ms, () => recorder.end("kill"));
      this.counts.briefStarts++;
    }
    await server.start();
  }
}
