/** How long the parts of a run take before and after the window, and how far along it is. Slow polls set the pace. */
import { type LabSample, type LabSettings, type LabTransport, maxWarmUpMs } from "./report/index.js";

const minWarmUpMs = 500;
/** Without polls, it is only a server that is far behind. */
const catchUpMs = 60_000;
const minStallMs = 2000;
const maxSpareMs = 10_000;

export interface RunTimes {
  /** From the first message until the window, so that in it polls bring as much as they always do. */
  readonly warmUpMs: number;
  /** When nothing has come for so long after the window, nothing will: every poll would have come by then. */
  readonly stallMs: number;
  readonly maxDrainMs: number;
}

export function runTimes(settings: LabSettings, transport: LabTransport): RunTimes {
  const { intervalMs, delayMs, jitterMs } = settings;
  const pollMs = transport === "poll" ? intervalMs : 0;
  return {
    warmUpMs: Math.min(maxWarmUpMs, Math.max(minWarmUpMs, pollMs)),
    stallMs: minStallMs + pollMs + Math.min(pollMs, maxSpareMs) + 10 * (delayMs + jitterMs),
    maxDrainMs: catchUpMs + pollMs,
  };
}

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
      settling: runTimes(settings, transport).warmUpMs,
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
