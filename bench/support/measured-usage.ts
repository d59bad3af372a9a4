/** Processor time that the server, the load generator and everything else take while something runs. */
import { busySeconds } from "./machine.js";
import { percent } from "./report.js";
import type { RunningServer } from "./running-server.js";

/** Utilisations are fractions of one core. */
export interface Usage {
  readonly serverCpuMicros: number;
  readonly serverUtilisation: number;
  readonly loadUtilisation: number;
  /** Of all other processes on the machine. */
  readonly othersUtilisation: number;
}

/** What other processes may take of a core before the numbers are doubtful. */
const toleratedOthers = 0.15;

/** @param run tells for how long it ran */
export async function measureUsage<T extends { readonly seconds: number }>(
  server: Pick<RunningServer, "ask">,
  run: () => Promise<T>,
): Promise<T & Usage> {
  const serverBefore = await server.ask("usage");
  const busyBefore = busySeconds();
  const loadBefore = process.cpuUsage();
  const result = await run();
  const load = process.cpuUsage(loadBefore);
  const busy = busySeconds() - busyBefore;
  const serverAfter = await server.ask("usage");
  const loadMicros = load.user + load.system;
  const serverCpuMicros = serverAfter.user + serverAfter.system - serverBefore.user - serverBefore.system;
  return {
    ...result,
    serverCpuMicros,
    serverUtilisation: serverCpuMicros / 1e6 / result.seconds,
    loadUtilisation: loadMicros / 1e6 / result.seconds,
    othersUtilisation: Math.max(0, busy - (serverCpuMicros + loadMicros) / 1e6) / result.seconds,
  };
}

/** A sentence for when others took so much that the numbers are doubtful. */
export function noteOnOthers(samples: readonly Pick<Usage, "othersUtilisation">[]): string {
  const most = Math.max(0, ...samples.map(({ othersUtilisation }) => othersUtilisation));
  if (most <= toleratedOthers) return "";
  return `\nThe machine was not quiet: other processes took up to ${percent(most)} of a core.`;
}
