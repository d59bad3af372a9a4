/** Whether a transport can be chosen, and what keeps it from that. */
import { bytesPerUserMinute, isCorrect } from "./figures.js";
import type { LabMeasurement, LabSettings, LabTransport } from "./lab-result.js";
import { transportWords } from "./lab-result.js";

/** What counts as cheap enough that a connection that stays open is not worth having. */
export const cheapPoll = { corePercent: 5, bytesPerUserMinute: 20_000 } as const;

/** Why a transport cannot be chosen at all. */
export function faultOf({ blocked }: LabSettings, measurement: LabMeasurement): string | undefined {
  const { sequences, users, opened, transport } = measurement;
  if (!isCorrect(measurement)) {
    const { missed, duplicates, outOfOrder, expected } = sequences;
    return `Out: of ${expected} messages it missed ${missed}, repeated ${duplicates} and mixed up the order of ${outOfOrder}.`;
  }
  if (opened < users) return `Out: only ${opened} of ${users} users got through.`;
  return blocked.includes(transport) ? "Out: the network is said to stop it." : undefined;
}

export function isCheap(poll: LabMeasurement): boolean {
  return (
    poll.server.corePercent <= cheapPoll.corePercent &&
    bytesPerUserMinute(poll) <= cheapPoll.bytesPerUserMinute
  );
}

/** Nothing that came is nothing that was late. */
export function isInTime({ tolerableMs }: LabSettings, measurement: LabMeasurement): boolean {
  return p99Of(measurement) <= tolerableMs;
}

export function p99Of({ latency }: LabMeasurement): number {
  return latency.p99Ms ?? 0;
}

/** @returns why none of these was chosen, such as "WebSocket (stopped by the network)" */
export function whyNone(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  names: readonly LabTransport[],
): string {
  const found = measurements.filter(({ transport }) => names.includes(transport));
  if (found.length === 0) return "none was measured";
  return found
    .map((each) => `${transportWords[each.transport].title} (${obstacle(settings, each)})`)
    .join(", ");
}

function obstacle(settings: LabSettings, measurement: LabMeasurement): string {
  if (!isCorrect(measurement)) return "with faults";
  if (measurement.opened < measurement.users) return "did not let everybody in";
  if (settings.blocked.includes(measurement.transport)) return "stopped by the network";
  return "too slow";
}
