/** How long the parts of a run take before and after the window. Polls set the pace where they are slow. */
import { type LabSettings, type LabTransport, mostWarmUpMs } from "./report/index.js";

const leastWarmUpMs = 500;
/** Without polls, it is only a server that is far behind. */
const catchUpMs = 60_000;
const leastStallMs = 2000;
const mostSpareMs = 10_000;

export interface RunTimes {
  /** From the first message until the window, so that in it polls bring as much as they always do. */
  readonly warmUpMs: number;
  /** When nothing has come for so long after the window, nothing will: every poll would have come by then. */
  readonly stallMs: number;
  readonly mostDrainMs: number;
}

export function runTimesOf(settings: LabSettings, transport: LabTransport): RunTimes {
  const { intervalMs, delayMs, jitterMs } = settings;
  const pollMs = transport === "poll" ? intervalMs : 0;
  return {
    warmUpMs: Math.min(mostWarmUpMs, Math.max(leastWarmUpMs, pollMs)),
    stallMs: leastStallMs + pollMs + Math.min(pollMs, mostSpareMs) + 10 * (delayMs + jitterMs),
    mostDrainMs: catchUpMs + pollMs,
  };
}
