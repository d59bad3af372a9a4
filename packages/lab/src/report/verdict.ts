/** Which transport fits, by what was measured and what the settings say news are worth; and why the others do not. */
import { bytesPerUserMinute, findFault, isCheap, isInTime, p99Of } from "./figures.js";
import { type LabMeasurement, type LabSettings, type LabTransport, transportInfo } from "./lab-result.js";
import { formatBytes, formatMs, formatNumber, formatPercent } from "./numbers.js";
import {
  describeCost,
  fallbackReasons,
  findCaveats,
  pollReasons,
  socketNeeds,
  sockets,
  streamReasons,
  streams,
  whySocketForStream,
} from "./verdict-words.js";

export interface VerdictLine {
  readonly transport: LabTransport;
  readonly line: string;
}

export interface Verdict {
  /** Null where none is fit. */
  readonly transport: LabTransport | null;
  /** One sentence. */
  readonly title: string;
  readonly reasons: readonly string[];
  readonly caveats: readonly string[];
  /** One line for each of the others that were measured. */
  readonly others: readonly VerdictLine[];
}

interface Choice {
  readonly measurement: LabMeasurement;
  readonly title: string;
  readonly reasons: readonly string[];
}

export function judge(settings: LabSettings, measurements: readonly LabMeasurement[]): Verdict {
  const candidates = measurements.filter((each) => findFault(settings, each) === undefined);
  const choice = choose(settings, measurements, candidates);
  const chosen = choice?.measurement;
  const others = measurements
    .filter((each) => each !== chosen)
    .map((each) => ({ transport: each.transport, line: lineOf(settings, each, chosen) }));
  if (choice === undefined || chosen === undefined)
    return {
      transport: null,
      title: measurements.length === 0 ? "Nothing was measured." : "None of these can be recommended.",
      reasons: [],
      caveats: findCaveats(settings, measurements, undefined),
      others,
    };
  const { title, reasons } = choice;
  const caveats = findCaveats(settings, measurements, chosen);
  return { transport: chosen.transport, title, reasons, caveats, others };
}

function choose(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  candidates: readonly LabMeasurement[],
): Choice | undefined {
  const inTime = candidates.filter((each) => isInTime(settings, each));
  if (inTime.length > 0) return chooseInTime(settings, measurements, inTime);
  const fastest = [...candidates].sort((a, b) => p99Of(a) - p99Of(b))[0];
  if (fastest === undefined) return undefined;
  return {
    measurement: fastest,
    title: `${transportInfo[fastest.transport].title} is the fastest, but too slow.`,
    reasons: [
      `A latency of ${formatMs(settings.maxLatencyMs)} is acceptable; even here 1 % of messages took ${formatMs(fastest.latency.p99Ms)} or longer.`,
    ],
  };
}

function chooseInTime(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  inTime: readonly LabMeasurement[],
): Choice {
  const find = (...names: LabTransport[]) =>
    names
      .map((name) => inTime.find(({ transport }) => transport === name))
      .find((each) => each !== undefined);
  const poll = find("poll");
  if (poll && !settings.isTwoWay && isCheap(poll))
    return {
      measurement: poll,
      title: "Polling is enough; no socket is needed.",
      reasons: pollReasons(settings, poll),
    };
  const needs = socketNeeds(settings);
  const socket = find(...sockets);
  if (needs.length > 0 && socket)
    return { measurement: socket, title: "A WebSocket.", reasons: [...needs, describeCost(socket)] };
  const stream = find(...streams);
  if (stream) {
    const why = needs.length > 0 ? "the next best, since no WebSocket is available" : "a stream is enough";
    return {
      measurement: stream,
      title: `${transportInfo[stream.transport].title}: ${why}.`,
      reasons: [...streamReasons(settings, measurements, stream, poll), describeCost(stream)],
    };
  }
  if (socket)
    return {
      measurement: socket,
      title: "A WebSocket.",
      reasons: [whySocketForStream(settings, measurements), describeCost(socket)],
    };
  const last = find("long-poll", "poll") ?? (inTime[0] as LabMeasurement);
  return {
    measurement: last,
    title: `${transportInfo[last.transport].title}: no connection that stays open is available.`,
    reasons: [...fallbackReasons(settings, measurements, last), describeCost(last)],
  };
}

function lineOf(
  settings: LabSettings,
  measurement: LabMeasurement,
  chosen: LabMeasurement | undefined,
): string {
  const fault = findFault(settings, measurement);
  if (fault) return fault;
  const late = isInTime(settings, measurement)
    ? ""
    : ` Too slow: 1 % of messages took ${formatMs(measurement.latency.p99Ms)} or longer.`;
  const share =
    measurement.traffic.responses === 0
      ? 0
      : measurement.traffic.emptyResponses / measurement.traffic.responses;
  const empty = share > 0 ? `, ${formatPercent(share)} of the responses empty` : "";
  const p99 =
    measurement.latency.p99Ms === null ? "" : `, 99 % within ${formatMs(measurement.latency.p99Ms)}`;
  const bytes = `${formatBytes(bytesPerUserMinute(measurement))} per user and minute`;
  const cpu = `${formatNumber(measurement.server.corePercent)} % of a core`;
  const than = chosen ? compared(measurement, chosen) : "";
  return `${bytes}${than}, ${cpu}${p99}${empty}.${late}`;
}

function compared(measurement: LabMeasurement, chosen: LabMeasurement): string {
  const own = bytesPerUserMinute(measurement);
  const other = bytesPerUserMinute(chosen);
  if (!(other > 0) || !(own > 0)) return "";
  return ` (${formatNumber(own / other)} times the recommended one)`;
}
