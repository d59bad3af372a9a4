/**
 * Who is present: in the end, every node lists exactly those that are connected; and whoever watches a channel sees a client join and
 * leave in turns.
 */
import type { History, PresenceList, Watch } from "./history.js";
import type { Violation } from "./violations.js";

export function checkPresence({ presence, watches }: History): Violation[] {
  return [...presence.flatMap(checkList), ...watches.flatMap(checkTurns)];
}

/** @returns what is wrong with it; undefined where it is right */
export function findListFault({ listed, connected }: PresenceList): string | undefined {
  const ghosts = listed.filter((client) => !connected.includes(client));
  const missing = connected.filter((client) => !listed.includes(client));
  if (ghosts.length === 0 && missing.length === 0) return undefined;
  return `lists ${listed.length} for ${connected.length}: gone are ${ghosts.join(", ") || "none"}, missing are ${missing.join(", ") || "none"}`;
}

function checkList(list: PresenceList): Violation[] {
  const fault = findListFault(list);
  if (fault === undefined) return [];
  return [{ promise: "presence", where: `${list.channel}, node ${list.node}`, text: fault }];
}

/** In one subscription of the witness; from one to the next it misses some. */
function checkTurns({ witness, channel, events }: Watch): Violation[] {
  const violations: Violation[] = [];
  /** Subscription and client → what came last. */
  const last = new Map<string, "join" | "leave">();
  for (const { kind, subscription, client } of events) {
    const key = `${subscription} ${client}`;
    if (last.get(key) === kind)
      violations.push({
        promise: "turns",
        where: `${channel}, ${witness}`,
        text: `a second ${kind} of ${client} in a row`,
      });
    last.set(key, kind);
  }
  return violations;
}
