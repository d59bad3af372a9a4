/** The sentences of a verdict, which hold for these settings and figures: reasons, caveats, and the classic claim about polling. */
import {
  bytesPerUserMinute,
  cheapPoll,
  describeObstacles,
  emptyShare,
  isCheap,
  isCorrect,
  isShortOfTime,
  requestsPerUserMinute,
  totalBytes,
} from "./figures.js";
import {
  type LabMeasurement,
  type LabResult,
  type LabSettings,
  labTransports,
  maxWarmUpMs,
  transportInfo,
} from "./lab-result.js";
import { formatBytes, formatCount, formatMs, formatNumber, formatPercent, formatUsers } from "./numbers.js";

/** From this rate on, the overhead of each message counts. */
const fastPerSecond = 10;
/** Below this, messages must arrive at once. */
const strictMs = 100;
/** Above this rate, long polling is a costly stream. */
const longPollPerSecond = 1;

export const sockets = ["websocket", "websocket-h2"] as const;
export const streams = ["sse", "http-stream"] as const;

export function pollReasons(settings: LabSettings, poll: LabMeasurement): string[] {
  const age =
    poll.latency.p99Ms === null
      ? "No message was due in the window."
      : `A latency of ${formatMs(settings.maxLatencyMs)} is acceptable, and 99 % of messages arrived within ${formatMs(poll.latency.p99Ms)}.`;
  return [
    age,
    `${formatNumber(requestsPerUserMinute(poll))} requests and ${formatBytes(bytesPerUserMinute(poll))} per user and minute, ` +
      `and ${formatNumber(poll.server.corePercent)} % of a core for ${formatUsers(poll.users)}, are cheap.`,
  ];
}

/** Why a WebSocket is better than a stream; empty where a stream is as good. */
export function socketNeeds({ isTwoWay, ratePerSecond, maxLatencyMs }: LabSettings): string[] {
  const reasons: string[] = [];
  if (isTwoWay)
    reasons.push("Clients also send: over a WebSocket that takes a few bytes, otherwise a request.");
  if (ratePerSecond >= fastPerSecond)
    reasons.push(
      `${formatNumber(ratePerSecond)} messages a second are many, and a frame has the least overhead.`,
    );
  if (maxLatencyMs < strictMs)
    reasons.push(`A latency of at most ${formatMs(maxLatencyMs)} is acceptable, so messages must be pushed.`);
  return reasons;
}

/** Where a stream would be enough. */
export function whySocketForStream(settings: LabSettings, measurements: readonly LabMeasurement[]): string {
  return `A stream would be enough, but none is available: ${describeObstacles(settings, measurements, streams)}.`;
}

/** @param poll where only its cost, or that it is one-way, rules it out */
export function streamReasons(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  stream: LabMeasurement,
  poll: LabMeasurement | undefined,
): string[] {
  const { isTwoWay, ratePerSecond } = settings;
  const reasons =
    socketNeeds(settings).length === 0
      ? []
      : [
          `A WebSocket would be better, but none is available: ${describeObstacles(settings, measurements, sockets)}.`,
        ];
  const within =
    stream.latency.p99Ms === null ? "" : ` and arrived within ${formatMs(stream.latency.p99Ms)} (99 %)`;
  reasons.push(
    isTwoWay
      ? `Clients send with separate requests. Messages come ${formatNumber(ratePerSecond)} a second${within}.`
      : `Messages go one way, ${formatNumber(ratePerSecond)} a second,${within || " but none was due in the window"}.`,
  );
  return poll ? [...reasons, whyNoPoll(settings, poll, stream)] : reasons;
}

function whyNoPoll({ intervalMs }: LabSettings, poll: LabMeasurement, stream: LabMeasurement): string {
  const name = `Polling every ${formatMs(intervalMs)}`;
  if (isCheap(poll)) return `${name} was cheap, but is chosen only where clients do not send.`;
  const costs: string[] = [];
  if (bytesPerUserMinute(poll) > cheapPoll.bytesPerUserMinute)
    costs.push(
      `${formatBytes(bytesPerUserMinute(poll))} per user and minute against ${formatBytes(bytesPerUserMinute(stream))}, ` +
        `where up to ${formatBytes(cheapPoll.bytesPerUserMinute)} counts as cheap`,
    );
  if (poll.server.corePercent > cheapPoll.corePercent)
    costs.push(
      `${formatNumber(poll.server.corePercent)} % of a core against ${formatNumber(stream.server.corePercent)} %, ` +
        `where up to ${cheapPoll.corePercent} % counts as cheap`,
    );
  return `${name} is not cheap: ${costs.join("; and ")}.`;
}

/** Where no connection that stays open can be chosen. */
export function fallbackReasons(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  { transport }: LabMeasurement,
): string[] {
  const open = `No connection that stays open is available: ${describeObstacles(settings, measurements, [...streams, ...sockets])}.`;
  const { ratePerSecond } = settings;
  if (transport === "long-poll")
    return [
      ratePerSecond <= longPollPerSecond
        ? `Messages are rare, ${formatNumber(ratePerSecond)} a second, so long polls are few.`
        : `With ${formatNumber(ratePerSecond)} messages a second, each user polls about as often.`,
      open,
    ];
  const others = labTransports.filter((each) => each !== transport);
  const isAlone = measurements.length === 1;
  return [
    isAlone
      ? "Nothing else was measured."
      : `Nothing else is available: ${describeObstacles(settings, measurements, others)}.`,
  ];
}

export function describeCost(measurement: LabMeasurement): string {
  const { server, users } = measurement;
  return (
    `It took ${formatBytes(bytesPerUserMinute(measurement))} per user and minute, and ` +
    `${formatNumber(server.corePercent)} % of a core for ${formatUsers(users)}.`
  );
}

/** A percentile of fewer deliveries depends on chance. */
const fewDeliveries = 100;
/** Of all cores: beyond, processes wait for each other. */
const busyEnough = 0.95;

export function findCaveats(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  chosen: LabMeasurement | undefined,
): string[] {
  return [
    ...loadCaveats(measurements),
    ...intervalCaveats(settings, measurements),
    ...faultCaveats(measurements),
    ...(chosen ? choiceCaveats(settings, chosen) : []),
    ...networkCaveats(settings),
  ];
}

function loadCaveats(measurements: readonly LabMeasurement[]): string[] {
  const bound = measurements.filter(({ isLoadBound }) => isLoadBound);
  const short = bound.filter(({ load }) => isShortOfTime(load));
  const bursts = bound.filter(({ load }) => !isShortOfTime(load));
  const caveats: string[] = [];
  if (short.length > 0)
    caveats.push(
      `The process that plays the users was short of processor time for ${listTitles(short)}: their latencies measure it rather than ` +
        "the server. Use fewer users or messages.",
    );
  if (bursts.length > 0)
    caveats.push(
      `The process that plays the users was busy while messages arrived over ${listTitles(bursts)}, which adds to the latency of ` +
        "the last users of each message.",
    );
  const busy = measurements.filter(({ load }) => load.machineBusy >= busyEnough);
  if (busy.length > 0)
    caveats.push(
      `All cores of this machine were busy for ${listTitles(busy)}, so users and server slowed each other down.`,
    );
  return caveats;
}

/** Polls so rare that the window sees few of them, or fewer messages in them than usual. */
function intervalCaveats(
  { intervalMs, durationMs }: LabSettings,
  measurements: readonly LabMeasurement[],
): string[] {
  if (!measurements.some(({ transport }) => transport === "poll")) return [];
  const caveats: string[] = [];
  if (durationMs < 2 * intervalMs)
    caveats.push(
      `The window of ${formatMs(durationMs)} is shorter than two intervals of polling (${formatMs(intervalMs)} each), so ` +
        "the cost of polling depends on which users happened to poll in it. Use a longer window.",
    );
  if (intervalMs > maxWarmUpMs)
    caveats.push(
      `Messages were published for only ${formatMs(maxWarmUpMs)} before the window, less than one polling interval ` +
        `(${formatMs(intervalMs)}), so polls returned fewer messages than they usually would.`,
    );
  return caveats;
}

function faultCaveats(measurements: readonly LabMeasurement[]): string[] {
  const wrong = measurements.filter((each) => !isCorrect(each));
  const caveats: string[] = [];
  if (wrong.length > 0)
    caveats.push(`${listTitles(wrong)} did not deliver every message once and in order, which is a defect.`);
  const failed = measurements.filter(({ errors }) => errors.count > 0);
  if (failed.length > 0)
    caveats.push(`There were errors over ${listTitles(failed)}; the report has the first of them.`);
  return caveats;
}

function choiceCaveats(settings: LabSettings, chosen: LabMeasurement): string[] {
  const { transport, latency } = chosen;
  const caveats: string[] = [];
  if (latency.count === 0) caveats.push("No message was due in the window, so latency is unknown.");
  else if (latency.count < fewDeliveries)
    caveats.push(`Only ${latency.count} deliveries were timed: use a longer window or more users.`);
  if (transport === "poll")
    caveats.push(
      `The cost depends on the interval of ${formatMs(settings.intervalMs)}: half of it doubles the polls. ` +
        `${formatPercent(emptyShare(chosen) ?? 0)} of the responses were empty.`,
    );
  if (transport === "sse")
    caveats.push("Over HTTP/1.1 browsers open six connections to a host; with several tabs, serve HTTP/2.");
  if (transport === "long-poll")
    caveats.push(
      `Each message costs every user a request: with more than ${formatNumber(settings.ratePerSecond)} a second, there are more requests, too.`,
    );
  if (transport === "websocket" || transport === "websocket-h2")
    caveats.push("Some proxies block WebSockets: have a stream to fall back to, as SDKs do.");
  return caveats;
}

function networkCaveats({ delayMs, cutEveryMs }: LabSettings): string[] {
  if (delayMs > 0 || cutEveryMs > 0) return [];
  return ["Users and server were on one machine: a real network adds its delay to all."];
}

function listTitles(measurements: readonly LabMeasurement[]): string {
  return measurements.map(({ transport }) => transportInfo[transport].title).join(", ");
}

/** @returns sentences; undefined where polling, or one of those that stay open, was not measured */
export function classicClaim({ settings, measurements }: LabResult): string | undefined {
  const poll = measurements.find(({ transport }) => transport === "poll");
  const open = openConnection(measurements);
  if (poll === undefined || open === undefined) return undefined;
  const { traffic } = poll;
  const empty = traffic.responses === 0 ? 0 : traffic.emptyResponses / traffic.responses;
  const { title } = transportInfo[open.transport];
  const times =
    totalBytes(open) === 0
      ? ""
      : ` Polling took ${formatNumber(totalBytes(poll) / totalBytes(open))} times the bytes.`;
  return (
    `${formatUsers(poll.users)} polled ${formatCount(traffic.requests)} times in ${formatMs(poll.windowMs)}, ` +
    `every ${formatMs(settings.intervalMs)}${poll.users === 1 ? "" : " each"}. ${formatPercent(empty)} of the responses were empty, and all of it took ` +
    `${formatBytes(totalBytes(poll))}. One open connection${poll.users === 1 ? "" : " each"} (${title}) needed ${formatCount(open.traffic.frames)} messages and ` +
    `${formatBytes(totalBytes(open))} for the same ${messages(open.messages)}.${times}`
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
