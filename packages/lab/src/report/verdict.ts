/** Which transport fits, by what was measured and what the settings say news are worth; and why the others do not. */
import { bytesPerUserMinute } from "./figures.js";
import { faultOf, isCheap, isInTime, p99Of } from "./fitness.js";
import type { LabMeasurement, LabSettings, LabTransport } from "./lab-result.js";
import { transportWords } from "./lab-result.js";
import { formatBytes, formatMs, formatNumber, formatPercent } from "./numbers.js";
import { caveatsOf } from "./verdict-caveats.js";
import {
  costOf,
  pollReasons,
  restReasons,
  socketForStream,
  socketNeeds,
  sockets,
  streamReasons,
  streams,
} from "./verdict-reasons.js";

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
  const candidates = measurements.filter((each) => faultOf(settings, each) === undefined);
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
      caveats: caveatsOf(settings, measurements, undefined),
      others,
    };
  const { title, reasons } = choice;
  const caveats = caveatsOf(settings, measurements, chosen);
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
    title: `${transportWords[fastest.transport].title} comes closest, but is too slow.`,
    reasons: [
      `News may be ${formatMs(settings.tolerableMs)} old; even here 1 % of them took ${formatMs(fastest.latency.p99Ms)} or longer.`,
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
      title: "This does not need a socket: a poll is enough.",
      reasons: pollReasons(settings, poll),
    };
  const needs = socketNeeds(settings);
  const socket = find(...sockets);
  if (needs.length > 0 && socket)
    return { measurement: socket, title: "A WebSocket.", reasons: [...needs, costOf(socket)] };
  const stream = find(...streams);
  if (stream) {
    const why = needs.length > 0 ? "the next best, since no WebSocket can be chosen" : "a stream is enough";
    return {
      measurement: stream,
      title: `${transportWords[stream.transport].title}: ${why}.`,
      reasons: [...streamReasons(settings, measurements, stream, poll), costOf(stream)],
    };
  }
  if (socket)
    return {
      measurement: socket,
      title: "A WebSocket.",
      reasons: [socketForStream(settings, measurements), costOf(socket)],
    };
  const last = find("long-poll", "poll") ?? (inTime[0] as LabMeasurement);
  return {
    measurement: last,
    title: `${transportWords[last.transport].title}: of what was measured, nothing that stays open can be chosen.`,
    reasons: [...restReasons(settings, measurements, last), costOf(last)],
  };
}

function lineOf(
  settings: LabSettings,
  measurement: LabMeasurement,
  chosen: LabMeasurement | undefined,
): string {
  const fault = faultOf(settings, measurement);
  if (fault) return fault;
  const late = isInTime(settings, measurement)
    ? ""
    : ` Too slow: 1 % of messages took ${formatMs(measurement.latency.p99Ms)} or longer.`;
  const share =
    measurement.traffic.answers === 0 ? 0 : measurement.traffic.emptyAnswers / measurement.traffic.answers;
  const empty = share > 0 ? `, ${formatPercent(share)} of the answers empty` : "";
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
  return ` (${formatNumber(own / other)} times that of the choice)`;
}
