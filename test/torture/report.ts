/** What a torture run says of itself: a line of progress, and in the end what happened and which promises held. */
import type { Clients } from "./clients.js";
import type { FaultRunner } from "./fault-runner.js";
import type { History } from "./history.js";
import { countByPromise, promises, type Violation } from "./violations.js";

type FaultCounts = FaultRunner["counts"];

export interface TortureReport {
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Holds the data of the server, if a promise was broken. */
  readonly folder: string;
  /** For people. */
  readonly lines: readonly string[];
}

const mostListed = 20;
const number = (value: number) => value.toLocaleString("en-US");

function sum<T>(from: readonly T[], count: (each: T) => number): number {
  return from.reduce((total, each) => total + count(each), 0);
}

export function describeProgress(
  second: number,
  seconds: number,
  clients: Clients,
  faults: FaultCounts,
): string {
  const { publishers, readers } = clients;
  return (
    `torture: ${second} of ${seconds} s, ${number(sum(publishers, ({ counts }) => counts.acknowledged))} acknowledged, ` +
    `${number(sum(readers, ({ counts }) => counts.delivered))} delivered, ${faults.kills + faults.powerCuts} restarts, ` +
    `${faults.line + faults.paused} faults of lines and readers`
  );
}

export function summarize(run: {
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly folder: string;
  readonly counts: FaultCounts;
  readonly clients: Clients;
}): TortureReport {
  const { history, violations, folder, counts, clients } = run;
  const { publishers, readers, burster } = clients;
  const all = [...publishers, burster];
  const attempts = sum(history.publications, (each) => each.attempts.length);
  const unanswered = history.publications.filter((each) =>
    each.attempts.every((attempt) => !attempt.acknowledgement),
  );
  const lines = [
    "",
    `server: ${counts.kills} kills, ${counts.powerCuts} power cuts, ${counts.briefStarts} kills while it started`,
    `server, still running: ${counts.suspensions} pauses, ${counts.clockSteps} steps of the clock, ${counts.fullDisks} full disks`,
    `lines and readers: ${counts.line} faults of lines (${counts.missed} met no connection), ${counts.paused} pauses, ${counts.bursts} bursts, ${counts.unsubscribes} unsubscribed by the server`,
    `published: ${number(history.publications.length)} in ${number(attempts)} attempts, ` +
      `${number(sum(all, (each) => each.counts.acknowledged))} acknowledgements, ` +
      `${number(sum(all, (each) => each.counts.retried))} sent again, ${number(unanswered.length)} never acknowledged`,
    `delivered: ${number(sum(readers, (each) => each.counts.delivered))}, ` +
      `told of a loss ${number(sum(readers, (each) => each.counts.told))} times`,
    "",
    ...describePromises(violations),
  ];
  return { history, violations, folder, lines };
}

function describePromises(violations: readonly Violation[]): string[] {
  const counts = countByPromise(violations);
  const width = Math.max(...Object.values(promises).map((text) => text.length));
  const table = [...counts].map(([name, count]) => `  ${promises[name].padEnd(width)}  ${count}`);
  const listed = violations
    .slice(0, mostListed)
    .map(({ promise, where, text }) => `  ${promises[promise]}: ${where}: ${text}`);
  if (violations.length > mostListed) listed.push(`  and ${violations.length - mostListed} more`);
  return [...table, ...(listed.length > 0 ? ["", ...listed] : [])];
}
