/** The classic claim, that most of polling is empty and a connection that stays open saves it, by the figures of one run. */
import { bytesOf } from "./figures.js";
import type { LabMeasurement, LabResult } from "./lab-result.js";
import { transportWords } from "./lab-result.js";
import { formatBytes, formatCount, formatMs, formatNumber, formatPercent, formatUsers } from "./numbers.js";

/** @returns sentences; undefined where polling, or one of those that stay open, was not measured */
export function classicClaim({ settings, measurements }: LabResult): string | undefined {
  const poll = measurements.find(({ transport }) => transport === "poll");
  const open = openConnection(measurements);
  if (poll === undefined || open === undefined) return undefined;
  const { traffic } = poll;
  const empty = traffic.answers === 0 ? 0 : traffic.emptyAnswers / traffic.answers;
  const { title } = transportWords[open.transport];
  const times =
    bytesOf(open) === 0
      ? ""
      : ` Polling took ${formatNumber(bytesOf(poll) / bytesOf(open))} times the bytes.`;
  return (
    `${formatUsers(poll.users)} asked ${formatCount(traffic.requests)} times in ${formatMs(poll.windowMs)}, ` +
    `every ${formatMs(settings.intervalMs)}${poll.users === 1 ? "" : " each"}. ${formatPercent(empty)} of the answers were empty, and all of it took ` +
    `${formatBytes(bytesOf(poll))}. One open connection${poll.users === 1 ? "" : " each"} (${title}) needed ${formatCount(open.traffic.frames)} messages and ` +
    `${formatBytes(bytesOf(open))} for the same ${messages(open.messages)}.${times}`
  );
}

function openConnection(measurements: readonly LabMeasurement[]): LabMeasurement | undefined {
  const order = ["websocket", "websocket-h2", "sse", "http-stream"];
  return order
    .map((name) => measurements.find(({ transport }) => transport === name))
    .find((each) => each !== undefined);
}

function messages(count: number): string {
  return count === 1 ? "message" : `${formatCount(count)} messages`;
}
