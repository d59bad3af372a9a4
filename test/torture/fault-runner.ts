/** Carries out a plan: each fault at its time, on the client that it names, whatever that is doing then. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Loss } from "./channels.js";
import type { Clients } from "./clients.js";
import type { FaultProxy } from "./fault-proxy.js";
import type { Recorder } from "./history.js";
import type { Fault, PlannedFault } from "./plan.js";
import type { ServerProcess } from "./server-process.js";

export interface FaultRunnerOptions {
  readonly plan: readonly PlannedFault[];
  readonly clients: Clients;
  readonly proxy: FaultProxy;
  readonly server: ServerProcess;
  readonly recorder: Recorder;
}

/** Readers of a channel that pause while there is a burst. */
const pausedInBurst = 3;
const burstPauseMs = 2500;

export class FaultRunner {
  readonly counts = { kills: 0, powerCuts: 0, line: 0, missed: 0, paused: 0, bursts: 0 };
  readonly #options: FaultRunnerOptions;
  /** The server's ends and starts, one after the other. */
  #ends: Promise<void> = Promise.resolve();

  constructor(options: FaultRunnerOptions) {
    this.#options = options;
  }

  /** Resolves when all is done and the server runs again. @throws Error when it does not start */
  async run(): Promise<void> {
    const start = Date.now();
    for (const { atMs, fault } of this.#options.plan) {
      const wait = start + atMs - Date.now();
      if (wait > 0) await sleep(wait);
      this.#carryOut(fault);
    }
    await this.#ends;
  }

  #carryOut(fault: Fault): void {
    const { clients } = this.#options;
    const readers = clients.readers;
    switch (fault.kind) {
      case "end":
        this.#ends = this.#ends.then(() => this.#end(fault.loss, fault.downMs, fault.tearSeed));
        // Whoever waits for the plan is told; until then it must not count as unhandled.
        this.#ends.catch(() => {});
        break;
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
      case "burst":
        for (const reader of readers
          .filter(({ channels }) => channels.includes(fault.channel))
          .slice(0, pausedInBurst))
          reader.pause(burstPauseMs);
        clients.burster.burst(fault.count, fault.channel, fault.bytes);
        this.counts.bursts++;
    }
  }

  async #end(loss: Loss, downMs: number, tearSeed: number): Promise<void> {
    const { server, recorder } = this.#options;
    recorder.end(loss);
    await server.end(loss, tearSeed);
    this.counts[loss === "kill" ? "kills" : "powerCuts"]++;
    await sleep(downMs);
    await server.start(loss);
  }
}
