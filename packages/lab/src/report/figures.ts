/** Figures that follow from a measurement, and whether a transport can be chosen: tables, charts and words all say the same. */
import {
  type LabMeasurement,
  type LabSettings,
  type LabTransport,
  type LoadHealth,
  transportInfo,
} from "./lab-result.js";

/** Up and down. */
export function totalBytes({ traffic }: LabMeasurement): number {
  return traffic.bytesUp + traffic.bytesDown;
}

/** Both ways, of one user in a minute. */
export function bytesPerUserMinute(measurement: LabMeasurement): number {
  return perUserMinute(measurement, totalBytes(measurement));
}

export function requestsPerUserMinute(measurement: LabMeasurement): number {
  return perUserMinute(measurement, measurement.traffic.requests);
}

/** 0 to 1; undefined where there was no response in the window, as with streams that were open before. */
export function emptyShare({ traffic }: LabMeasurement): number | undefined {
  return traffic.responses === 0 ? undefined : traffic.emptyResponses / traffic.responses;
}

export function serverCpuMs({ server }: LabMeasurement): number {
  return server.userMs + server.systemMs;
}

/** A load that is busier, or publishes later, cannot tell how late a message was. */
export const maxUtilization = 0.85;
const maxLateMs = 25;

/** Whether the load was short of processor time all along, and not only while messages arrived. */
export function isShortOfTime({ loopUtilization, lateP99Ms }: LoadHealth): boolean {
  return loopUtilization > maxUtilization || lateP99Ms > maxLateMs;
}

/** Whether every user got every message, once and in order. */
export function isCorrect({ sequences }: LabMeasurement): boolean {
  return sequences.missed === 0 && sequences.duplicates === 0 && sequences.outOfOrder === 0;
}

function perUserMinute({ users, windowMs }: LabMeasurement, value: number): number {
  return windowMs > 0 ? (value / users / windowMs) * 60_000 : 0;
}

/** What counts as so cheap that a connection that stays open is not worth it. */
export const cheapPoll = { corePercent: 5, bytesPerUserMinute: 20_000 } as const;

/** Why a transport cannot be chosen at all. */
export function findFault({ blocked }: LabSettings, measurement: LabMeasurement): string | undefined {
  const { sequences, users, opened, transport } = measurement;
  if (!isCorrect(measurement)) {
    const { missed, duplicates, outOfOrder, expected } = sequences;
    return `Ruled out: of ${expected} messages, ${missed} missed, ${duplicates} duplicated, ${outOfOrder} out of order.`;
  }
  if (opened < users) return `Ruled out: only ${opened} of ${users} users connected.`;
  return blocked.includes(transport) ? "Ruled out: the network blocks it." : undefined;
}

export function isCheap(poll: LabMeasurement): boolean {
  return (
    poll.server.corePercent <= cheapPoll.corePercent &&
    bytesPerUserMinute(poll) <= cheapPoll.bytesPerUserMinute
  );
}

/** Without deliveries, nothing was late. */
export function isInTime({ maxLatencyMs }: LabSettings, measurement: LabMeasurement): boolean {
  return p99Of(measurement) <= maxLatencyMs;
}

export function p99Of({ latency }: LabMeasurement): number {
  return latency.p99Ms ?? 0;
}

/** @returns why none of these was chosen, such as "WebSocket (blocked by the network)" */
export function describeObstacles(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  names: readonly LabTransport[],
): string {
  const found = measurements.filter(({ transport }) => names.includes(transport));
  if (found.length === 0) return "none was measured";
  return found
    .map((each) => `${transportInfo[each.transport].title} (${obstacle(settings, each)})`)
    .join(", ");
}

function obstacle(settings: LabSettings, measurement: LabMeasurement): string {
  if (!isCorrect(measurement)) return "delivery faults";
  if (measurement.opened < measurement.users) return "not all users connected";
  if (settings.blocked.includes(measurement.transport)) return "blocked by the network";
  return "too slow";
}
