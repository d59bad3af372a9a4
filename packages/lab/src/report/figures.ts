/** Figures that follow from a measurement, so that tables, charts and words all say the same. */
import type { LabMeasurement, LoadHealth } from "./lab-result.js";

/** Up and down. */
export function bytesOf({ traffic }: LabMeasurement): number {
  return traffic.bytesUp + traffic.bytesDown;
}

/** Both ways, of one user in a minute. */
export function bytesPerUserMinute(measurement: LabMeasurement): number {
  return perUserMinute(measurement, bytesOf(measurement));
}

export function requestsPerUserMinute(measurement: LabMeasurement): number {
  return perUserMinute(measurement, measurement.traffic.requests);
}

/** 0 to 1; undefined where nothing was answered in the window, as with streams that were open before. */
export function emptyShare({ traffic }: LabMeasurement): number | undefined {
  return traffic.answers === 0 ? undefined : traffic.emptyAnswers / traffic.answers;
}

export function serverCpuMs({ server }: LabMeasurement): number {
  return server.userMs + server.systemMs;
}

/** A load busier than that, or later than that with what it publishes, does not know how late a message was. */
export const mostUtilization = 0.85;
const mostLateMs = 25;

/** Whether the load was short of processor time all along, and not only while messages arrived. */
export function isShortOfTime({ loopUtilization, lateP99Ms }: LoadHealth): boolean {
  return loopUtilization > mostUtilization || lateP99Ms > mostLateMs;
}

/** Whether every user got every message, once and in order. */
export function isCorrect({ sequences }: LabMeasurement): boolean {
  return sequences.missed === 0 && sequences.duplicates === 0 && sequences.outOfOrder === 0;
}

function perUserMinute({ users, windowMs }: LabMeasurement, value: number): number {
  return windowMs > 0 ? (value / users / windowMs) * 60_000 : 0;
}
