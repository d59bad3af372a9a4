/** One server as what is tortured: killed and started again, stopped for a time, with a clock that steps and a disk that is full. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Recorder } from "./history.js";
import type { ServerFault, SystemFault } from "./plan.js";
import { ServerProcess, type ServerProcessOptions } from "./server-process.js";
import type { System } from "./system.js";

type EndFault = Extract<ServerFault, { kind: "end" }>;

export class SingleServer implements System {
  readonly ports: readonly number[];
  readonly #server: ServerProcess;
  readonly #recorder: Recorder;
  readonly #hasStore: boolean;
  readonly #counts = {
    kills: 0,
    powerCuts: 0,
    briefStarts: 0,
    suspensions: 0,
    clockSteps: 0,
    fullDisks: 0,
  };
  /** Ends and starts, one after the other. */
  #ends: Promise<void> = Promise.resolve();

  constructor(options: ServerProcessOptions, recorder: Recorder) {
    this.#server = new ServerProcess(options);
    this.#recorder = recorder;
    this.#hasStore = options.data !== undefined;
    this.ports = [options.port];
  }

  get numEnds(): number {
    return this.#counts.kills + this.#counts.powerCuts;
  }

  start(): Promise<void> {
    return this.#server.start();
  }

  async carryOut(fault: SystemFault): Promise<void> {
    switch (fault.kind) {
      case "end":
        this.#ends = this.#ends.then(() => this.#endAndStart(fault));
        return this.#ends;
      case "suspend":
        this.#server.suspend(fault.ms);
        this.#counts.suspensions++;
        return;
      case "clock":
        this.#server.stepClock(fault.stepMs);
        this.#counts.clockSteps++;
        return;
      case "fullDisk":
        this.#server.setDiskFull(true);
        this.#counts.fullDisks++;
        await sleep(fault.ms);
        this.#server.setDiskFull(false);
        return;
      default:
        throw new Error(`one server has no ${fault.kind}`);
    }
  }

  async heal(): Promise<void> {
    this.#server.setDiskFull(false);
  }

  async restart(): Promise<boolean> {
    if (!this.#hasStore) return false;
    await this.#server.kill();
    await this.#server.start();
    return true;
  }

  stop(): Promise<void> {
    return this.#server.kill();
  }

  describe(): string[] {
    const { kills, powerCuts, briefStarts, suspensions, clockSteps, fullDisks } = this.#counts;
    return [
      `server: ${kills} kills, ${powerCuts} power cuts, ${briefStarts} kills while it started`,
      `server, still running: ${suspensions} pauses, ${clockSteps} steps of the clock, ${fullDisks} full disks`,
    ];
  }

  async #endAndStart({ loss, downMs, tearSeed, briefStartsMs }: EndFault): Promise<void> {
    this.#recorder.end(loss);
    await this.#server.end(loss, tearSeed);
    this.#counts[loss === "kill" ? "kills" : "powerCuts"]++;
    await sleep(downMs);
    for (const ms of briefStartsMs) {
      await this.#server.startBriefly(ms, () => this.#recorder.end("kill"));
      this.#counts.briefStarts++;
    }
    await this.#server.start();
  }
}
