/**
 * The values of a map: what the log says last of a key is its value, each reader that has come to the end has the same
 * values, and a restart changes none.
 */
import type { ChannelHistory } from "./channel-history.js";
import { survives } from "./channels.js";
import { type ChannelLog, nameOf } from "./history.js";
import type { Violation } from "./violations.js";

export function checkMaps({ channel, traits, readings, log, logAfterRestart }: ChannelHistory): Violation[] {
  const { values } = log ?? {};
  if (log === undefined || values === undefined) return [];
  const violations: Violation[] = [];
  const report = (where: string, text: string) => violations.push({ promise: "value", where, text });

  for (const [key, name] of foldOf(log))
    if (values.get(key) !== name) report(channel, `${key} is ${values.get(key)}, and the log says ${name}`);
  for (const { reader, values: own } of readings) {
    if (own === undefined) continue;
    const fault = findDifference(values, own);
    if (fault !== undefined) report(`${channel}, ${reader}`, fault);
  }
  if (logAfterRestart?.values !== undefined && survives(traits.durability, "kill")) {
    const fault = findDifference(values, logAfterRestart.values);
    if (fault !== undefined) report(channel, `after a restart, ${fault}`);
  }
  return violations;
}

/** The newest publication of each key that the log still has. */
function foldOf({ entries }: ChannelLog): Map<string, string> {
  return new Map(entries.flatMap((entry) => (entry.key === undefined ? [] : [[entry.key, nameOf(entry)]])));
}

function findDifference(
  values: ReadonlyMap<string, string>,
  own: ReadonlyMap<string, string>,
): string | undefined {
  for (const key of new Set([...values.keys(), ...own.keys()]))
    if (values.get(key) !== own.get(key)) return `${key} is ${values.get(key)}, and it has ${own.get(key)}`;
  return undefined;
}
