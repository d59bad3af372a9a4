/** Which transport fits, by what was measured and what the settings say news are worth; and why the others do not. */
import { bytesPerUserMinute, isCorrect, requestsPerUserMinute } from "./figures.js";
import type { LabMeasurement, LabSettings, LabTransport } from "./lab-result.js";
import { transportWords } from "./lab-result.js";
import { formatBytes, formatMs, formatNumber, formatPercent, formatUsers } from "./numbers.js";
import { caveatsOf } from "./verdict-caveats.js";

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

/** What counts as cheap enough that a connection that stays open is not worth having. */
export const cheapPoll = { corePercent: 5, bytesPerUserMinute: 20_000 } as const;
/** From here on, messages come so fast that framing and answers count. */
export const fastPerSecond = 10;
/** Below, news must be there at once. */
export const strictMs = 100;
/** Above, a long poll asks so often that it is a costly stream. */
export const longPollPerSecond = 1;

interface Choice {
  readonly measurement: LabMeasurement;
  readonly title: string;
  readonly reasons: readonly string[];
}

export function judge(settings: LabSettings, measurements: readonly LabMeasurement[]): Verdict {
  const candidates = measurements.filter((each) => faultOf(settings, each) === undefined);
  const choice = choose(settings, candidates);
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

function choose(settings: LabSettings, candidates: readonly LabMeasurement[]): Choice | undefined {
  const inTime = candidates.filter((each) => isInTime(settings, each));
  if (inTime.length > 0) return chooseInTime(settings, inTime);
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

function chooseInTime(settings: LabSettings, inTime: readonly LabMeasurement[]): Choice {
  const find = (...names: LabTransport[]) =>
    names
      .map((name) => inTime.find(({ transport }) => transport === name))
      .find((each) => each !== undefined);
  const poll = find("poll");
  if (poll && !settings.isTwoWay && isCheap(poll)) return pollIsEnough(settings, poll);
  const needs = reasonsForSocket(settings);
  const socket = find("websocket", "websocket-h2");
  if (needs.length > 0 && socket)
    return { measurement: socket, title: "A WebSocket.", reasons: [...needs, costOf(socket)] };
  const stream = find("sse", "http-stream");
  if (stream)
    return {
      measurement: stream,
      title: `${transportWords[stream.transport].title}: a stream is enough.`,
      reasons: [...streamReasons(settings, stream, find("poll")), costOf(stream)],
    };
  if (socket)
    return {
      measurement: socket,
      title: "A WebSocket.",
      reasons: ["No stream over plain HTTP is left to choose.", costOf(socket)],
    };
  const last = find("long-poll", "poll") ?? (inTime[0] as LabMeasurement);
  return {
    measurement: last,
    title: `${transportWords[last.transport].title}: of what was measured, nothing that stays open can be chosen.`,
    reasons: [restReason(settings, last), costOf(last)],
  };
}

function pollIsEnough(settings: LabSettings, poll: LabMeasurement): Choice {
  const age =
    poll.latency.p99Ms === null
      ? "No message was due in the window."
      : `News may be ${formatMs(settings.tolerableMs)} old, and 99 % of them were not older than ${formatMs(poll.latency.p99Ms)}.`;
  return {
    measurement: poll,
    title: "This does not need a socket: a poll is enough.",
    reasons: [
      age,
      `${formatNumber(requestsPerUserMinute(poll))} requests and ${formatBytes(bytesPerUserMinute(poll))} for each user and minute, ` +
        `and ${formatNumber(poll.server.corePercent)} % of a core for ${formatUsers(poll.users)}, are little.`,
    ],
  };
}

function reasonsForSocket({ isTwoWay, perSecond, tolerableMs }: LabSettings): string[] {
  const reasons: string[] = [];
  if (isTwoWay) reasons.push("Clients send, too: over a WebSocket that is a few bytes, and else a request.");
  if (perSecond >= fastPerSecond)
    reasons.push(
      `${formatNumber(perSecond)} messages a second are many, and a frame is the smallest wrapping.`,
    );
  if (tolerableMs < strictMs)
    reasons.push(`News may be no older than ${formatMs(tolerableMs)}, so nothing should be asked for first.`);
  return reasons;
}

function streamReasons(
  settings: LabSettings,
  stream: LabMeasurement,
  poll: LabMeasurement | undefined,
): string[] {
  const reasons = [
    `Messages go one way, ${formatNumber(settings.perSecond)} a second, and arrived within ${formatMs(stream.latency.p99Ms)} (99 %).`,
  ];
  if (poll)
    reasons.push(
      `Polling every ${formatMs(settings.intervalMs)} is no longer cheap: ${formatBytes(bytesPerUserMinute(poll))} for each user and ` +
        `minute against ${formatBytes(bytesPerUserMinute(stream))}, and ${formatNumber(poll.server.corePercent)} % of a core against ` +
        `${formatNumber(stream.server.corePercent)} %.`,
    );
  return reasons;
}

function restReason({ perSecond }: LabSettings, { transport }: LabMeasurement): string {
  if (transport !== "long-poll")
    return "Of what was measured, only polling got every message to everybody in time.";
  return perSecond <= longPollPerSecond
    ? `Messages are rare, ${formatNumber(perSecond)} a second, so requests that wait for them are few.`
    : `With ${formatNumber(perSecond)} messages a second each user asks again about as often.`;
}

function costOf(measurement: LabMeasurement): string {
  const { server, users } = measurement;
  return (
    `It took ${formatBytes(bytesPerUserMinute(measurement))} for each user and minute, and ` +
    `${formatNumber(server.corePercent)} % of a core for ${formatUsers(users)}.`
  );
}

/** Why a transport cannot be chosen at all. */
function faultOf({ blocked }: LabSettings, measurement: LabMeasurement): string | undefined {
  const { sequences, users, opened, transport } = measurement;
  if (!isCorrect(measurement)) {
    const { missed, duplicates, outOfOrder, expected } = sequences;
    return `Out: of ${expected} messages it missed ${missed}, repeated ${duplicates} and mixed up the order of ${outOfOrder}.`;
  }
  if (opened < users) return `Out: only ${opened} of ${users} users got through.`;
  return blocked.includes(transport) ? "Out: the network is said to stop it." : undefined;
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

function isCheap(poll: LabMeasurement): boolean {
  return (
    poll.server.corePercent <= cheapPoll.corePercent &&
    bytesPerUserMinute(poll) <= cheapPoll.bytesPerUserMinute
  );
}

/** Nothing that came is nothing that was late. */
function isInTime({ tolerableMs }: LabSettings, measurement: LabMeasurement): boolean {
  return p99Of(measurement) <= tolerableMs;
}

function p99Of({ latency }: LabMeasurement): number {
  return latency.p99Ms ?? 0;
}
