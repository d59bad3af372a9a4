/** What a torture run says of itself: a line of progress, and in the end what happened and which promises held. */
import { splitByChannel } from "./channel-history.js";
import { countReplaced } from "./check-acknowledgements.js";
import type { Clients } from "./clients.js";
import type { FaultRunner } from "./fault-runner.js";
import type { History } from "./history.js";
import type { System } from "./system.js";
import { countByPromise, promises, type Violation } from "./violations.js";

type FaultCounts = FaultRunner["counts"];

export interface TortureReport {
  readonly history: History;
  readonly violations: readonly Violation[];
  /** Holds the data of the server, if a promise was broken. */
  readonly folder: string;
  /** What the store has broken of its own promises: violations say nothing of the servers then. */
  readonly storeFault: string | undefined;
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
  numEnds: number,
): string {
  const { publishers, readers } = clients;
  return (
    `torture: ${second} of ${seconds} s, ${number(sum(publishers, ({ counts }) => counts.acknowledged))} acknowledged, ` +
    `${number(sum(readers, ({ counts }) => counts.delivered))} delivered, ${numEnds} restarts, ` +
    `${faults.line + faults.paused} faults of lines and readers`
  );
}

export function summarize(run: {
  readonly history: History;
  readonly violations: readonly Violation[];
  readonly folder: string;
  readonly counts: FaultCounts;
  readonly system: System;
  readonly clients: Clients;
  readonly storeFault: string | undefined;
}): TortureReport {
  const { history, violations, folder, counts, system, clients, storeFault } = run;
  const { publishers, readers, burster, whisperer } = clients;
  const all = [...publishers, burster, whisperer];
  const attempts = sum(history.publications, (each) => each.attempts.length);
  const unanswered = history.publications.filter((each) =>
    each.attempts.every((attempt) => !attempt.acknowledgement),
  );
  const lines = [
    "",
    ...system.describe(),
    `lines and readers: ${counts.line} faults of lines (${counts.missed} met no connection), ${counts.paused} pauses, ${counts.bursts} bursts, ${counts.unsubscribes} unsubscribed by the server`,
    `published: ${number(history.publications.length)} in ${number(attempts)} attempts, ` +
      `${number(sum(all, (each) => each.counts.acknowledged))} acknowledgements, ` +
      `${number(sum(all, (each) => each.counts.retried))} sent again, ${number(unanswered.length)} never acknowledged`,
    `delivered: ${number(sum(readers, (each) => each.counts.delivered))}, ` +
      `told of a loss ${number(sum(readers, (each) => each.counts.told))} times`,
    ...describeReplaced(history, violations),
    "",
    ...describePromises(violations),
    ...(storeFault === undefined ? [] : ["", `the store broke its own promise: ${storeFault}`]),
  ];
  return { history, violations, folder, storeFault, lines };
}

/** What stores forgot as they may, for faults beyond what they promise. */
function describeReplaced(history: History, violations: readonly Violation[]): string[] {
  const counts = splitByChannel(history).map(countReplaced);
  const channels = counts.filter((count) => count > 0).length;
  if (channels === 0) return [];
  const silent = violations.filter(({ promise }) => promise === "gap" || promise === "behind").length;
  const told = silent === 0 ? "all readers told" : `${silent} readers not told`;
  const lost = number(sum(counts, (count) => count));
  return [
    `epoch changed: ${lost} publications of old epochs in ${channels} channels not in the new ones, ${told}`,
  ];
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
