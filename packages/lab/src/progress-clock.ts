/** How far a transport is, and how long it will still take: by the settings, so it is a guess but for the window. */
import type { LabSample, LabSettings, LabTransport } from "./report/index.js";
import { runTimesOf } from "./run-times.js";

type Phase = LabSample["phase"];

const phases: readonly Phase[] = ["opening", "settling", "measuring", "draining"];
const openedPerSecond = 800;

export class ProgressClock {
  readonly #lengths: Readonly<Record<Phase, number>>;
  readonly #now: () => number;
  #phase: Phase = "opening";
  #enteredAt: number;

  constructor(settings: LabSettings, transport: LabTransport, now: () => number) {
    const { users, durationMs, intervalMs } = settings;
    this.#lengths = {
      opening: 1500 + (users / openedPerSecond) * 1000,
      settling: runTimesOf(settings, transport).warmUpMs,
      measuring: durationMs,
      draining: 500 + (transport === "poll" ? intervalMs : 0),
    };
    this.#now = now;
    this.#enteredAt = now();
  }

  enter(phase: Phase): void {
    this.#phase = phase;
    this.#enteredAt = this.#now();
  }

  read(): Pick<LabSample, "phase" | "progress" | "secondsLeft"> {
    const at = phases.indexOf(this.#phase);
    const lengthOf = (some: readonly Phase[]) => some.reduce((sum, phase) => sum + this.#lengths[phase], 0);
    // A phase that takes longer than thought stands still just before its end.
    const inPhase = Math.min(this.#now() - this.#enteredAt, this.#lengths[this.#phase] * 0.99);
    const doneMs = lengthOf(phases.slice(0, at)) + inPhase;
    const allMs = lengthOf(phases);
    return { phase: this.#phase, progress: doneMs / allMs, secondsLeft: (allMs - doneMs) / 1000 };
  }
}
