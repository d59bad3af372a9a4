/** Costly work of a server's clients, on the machine's clock and event loop. */
import { Work } from "../sessions/work.js";
import { systemClock } from "../sockets/system-clock.js";
import { LoopLag } from "../time/loop-lag.js";
import type { ResolvedOptions } from "./options.js";

export function createWork({
  limits,
  shedAboveLagMs,
}: Pick<ResolvedOptions, "limits" | "shedAboveLagMs">): Work {
  const loopLag = new LoopLag(systemClock);
  return new Work({
    clock: systemClock,
    schedule: (run) => void setImmediate(run),
    perSecond: limits.workPerSecond,
    burst: limits.workBurst,
    lagMs: () => loopLag.lagMs,
    shedAboveLagMs,
  });
}
