/**
 * A log by itself: without gaps from its first entry to its head, as long as was promised, the same on every node, and unchanged by a
 * restart.
 */
import type { ChannelHistory } from "./channel-history.js";
import { survives } from "./channels.js";
import { type ChannelLog, nameOf } from "./history.js";
import type { Violation } from "./violations.js";

export function checkLogs(history: ChannelHistory): Violation[] {
  const { channel, traits, log, logsOfOthers, logAfterRestart } = history;
  if (traits.kind === "live" || log === undefined) return [];
  const violations: Violation[] = [];
  const report = (promise: Violation["promise"], text: string) =>
    violations.push({ promise, where: channel, text });

  const keeps = traits.kind === "latest" ? 1 : (traits.maxEntries ?? Number.POSITIVE_INFINITY);
  const { offset: head } = log.position;
  const first = Math.max(1, head - keeps + 1);
  let next = log.entries[0]?.offset ?? head + 1;
  if (next > first) report("lost", `the log begins at ${next}, where it must have everything from ${first}`);
  for (const { offset } of log.entries) {
    // Of the latest, the log may leave out what something newer has replaced.
    if (traits.kind === "latest" ? offset < next : offset !== next)
      report("gap", `the log goes from ${next - 1} to ${offset}`);
    next = offset + 1;
  }
  if (next !== head + 1) report("gap", `the log says its head is ${head}, and ends at ${next - 1}`);

  for (const other of logsOfOthers) {
    const difference = findChange(log, other, first);
    if (difference !== undefined) report("differs", difference);
  }
  if (logAfterRestart !== undefined && survives(traits.durability, "kill")) {
    const change = findChange(log, logAfterRestart, first);
    if (change !== undefined) report("changed", change);
  }
  return violations;
}

/** @param first offset that both must still have */
function findChange(before: ChannelLog, after: ChannelLog, first: number): string | undefined {
  const [was, is] = [before.position, after.position];
  if (was.epoch !== is.epoch) return `epoch ${was.epoch} has become ${is.epoch}`;
  if (was.offset !== is.offset) return `the head was ${was.offset}, and is ${is.offset}`;
  const names = new Map(after.entries.map((entry) => [entry.offset, nameOf(entry)]));
  for (const entry of before.entries) {
    const name = names.get(entry.offset);
    if (entry.offset >= first && name !== nameOf(entry))
      return `offset ${entry.offset} was ${nameOf(entry)}, and is ${name ?? "gone"}`;
  }
  return undefined;
}
