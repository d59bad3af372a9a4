/**
 * What was acknowledged is in the log, at exactly the position that the answer named, as long as the channel's
 * durability and retention promise it. What some reader got is there as well: nothing is delivered and then taken back
 * within an epoch.
 */
import {
  type ChannelHistory,
  deliveriesIn,
  mayBeGone,
  mayHaveMoved,
  sightingsIn,
} from "./channel-history.js";
import { type ChannelLog, nameOf, type Position, type Published } from "./history.js";
import type { Violation } from "./violations.js";

export function checkAcknowledgements(history: ChannelHistory): Violation[] {
  const { channel, traits, publications, log } = history;
  // Without a log the run itself has failed, and says so.
  if (traits.kind === "live" || log === undefined) return [];
  const violations: Violation[] = [];
  const inLog = createLookup(history, log);
  const seen = new Set([...sightingsIn(history)].map(({ id }) => nameOf(id)));

  for (const published of publications.values()) {
    const name = nameOf(published);
    for (const { sentAt, acknowledgement } of published.attempts) {
      if (acknowledgement === undefined) continue;
      const { position } = acknowledgement;
      let fault: string | undefined;
      if (position !== undefined && position.epoch === log.position.epoch) fault = inLog(position, name);
      else if (mayBeGone(history, sentAt)) continue;
      else if (position !== undefined && (wasKept(history, published) || mayHaveMoved(history, sentAt)))
        // The log has gone on in a new epoch, and the answer to a repeat is the first one's.
        fault = inLog(position, name);
      else if (position !== undefined)
        fault = `it was in epoch ${position.epoch}, and the log has ${log.position.epoch}`;
      else if (traits.kind === "stream" && traits.maxEntries === undefined && !seen.has(name))
        fault = "nobody has seen it";
      if (fault !== undefined)
        violations.push({
          promise: "lost",
          where: channel,
          text: `${name} was acknowledged${at(position)}, but ${fault}`,
        });
    }
  }

  const reported = new Set<string>();
  for (const { position, id, witness } of deliveriesIn(history.readings)) {
    if (position.epoch !== log.position.epoch) continue;
    const fault = inLog(position, nameOf(id));
    if (fault === undefined || reported.has(nameOf(id))) continue;
    reported.add(nameOf(id));
    const text = `${witness} got ${nameOf(id)}${at(position)}, but ${fault}`;
    violations.push({ promise: "vanished", where: channel, text });
  }
  return violations;
}

/**
 * What an epoch took with it, as it may: acknowledged publications that are not in the log, which has gone on in another epoch.
 * That each reader was told, `checkReadings` holds.
 */
export function countReplaced(history: ChannelHistory): number {
  const { publications, log } = history;
  if (log === undefined) return 0;
  const kept = new Set(log.entries.map(nameOf));
  const first = log.entries[0]?.offset ?? 1;
  return [...publications.values()].filter((published) => {
    const positions = published.attempts.flatMap(({ acknowledgement }) => acknowledgement?.position ?? []);
    const isOld = positions.some(({ epoch, offset }) => epoch !== log.position.epoch && offset >= first);
    return isOld && !kept.has(nameOf(published));
  }).length;
}

/** Whether it was sent before a loss for the first time, so that it may have come through that into another epoch. */
function wasKept(history: ChannelHistory, { attempts }: Published): boolean {
  const first = attempts[0];
  return first !== undefined && mayBeGone(history, first.sentAt);
}

function at(position: Position | undefined): string {
  return position === undefined ? "" : ` at ${position.offset} of epoch ${position.epoch}`;
}

/** @returns for a position of the log's epoch, what is wrong with the log there; undefined where all is well */
function createLookup(
  { traits }: ChannelHistory,
  log: ChannelLog,
): (position: Position, name: string) => string | undefined {
  const names = new Map(log.entries.map((entry) => [entry.offset, nameOf(entry)]));
  const { offset: head } = log.position;
  const keeps = traits.kind === "latest" ? 1 : (traits.maxEntries ?? Number.POSITIVE_INFINITY);
  return ({ offset }, name) => {
    if (offset > head) return `the log ends at ${head}`;
    const found = names.get(offset);
    if (found === name) return undefined;
    if (found !== undefined) return `the log has ${found} there`;
    return offset <= head - keeps ? undefined : "the log has nothing there";
  };
}
