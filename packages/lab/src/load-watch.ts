/** How much of the processor the load itself takes, from when this is made. */
import { performance } from "node:perf_hooks";
import { machineTimes } from "./machine.js";
import type { LoadHealth } from "./report/index.js";

export class LoadWatch {
  readonly #loop = performance.eventLoopUtilization();
  readonly #cpu = process.cpuUsage();
  readonly #machine = machineTimes();
  readonly #startedAt = performance.now();

  read(): Pick<LoadHealth, "loopUtilization" | "corePercent" | "machineBusy"> {
    const { user, system } = process.cpuUsage(this.#cpu);
    const machine = machineTimes();
    const allMs = machine.allMs - this.#machine.allMs;
    return {
      loopUtilization: performance.eventLoopUtilization(this.#loop).utilization,
      corePercent: (user + system) / 10 / (performance.now() - this.#startedAt) || 0,
      machineBusy: allMs > 0 ? (machine.busyMs - this.#machine.busyMs) / allMs : 0,
    };
  }
}
