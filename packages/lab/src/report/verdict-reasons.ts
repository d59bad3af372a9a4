/** Why a transport was chosen, in sentences that hold for these settings and figures. */
import { bytesPerUserMinute, requestsPerUserMinute } from "./figures.js";
import { cheapPoll, isCheap, whyNone } from "./fitness.js";
import { type LabMeasurement, type LabSettings, labTransports } from "./lab-result.js";
import { formatBytes, formatMs, formatNumber, formatUsers } from "./numbers.js";

/** From here on, messages come so fast that framing and answers count. */
const fastPerSecond = 10;
/** Below, news must be there at once. */
const strictMs = 100;
/** Above, a long poll asks so often that it is a costly stream. */
const longPollPerSecond = 1;

export const sockets = ["websocket", "websocket-h2"] as const;
export const streams = ["sse", "http-stream"] as const;

export function pollReasons(settings: LabSettings, poll: LabMeasurement): string[] {
  const age =
    poll.latency.p99Ms === null
      ? "No message was due in the window."
      : `News may be ${formatMs(settings.tolerableMs)} old, and 99 % of them were not older than ${formatMs(poll.latency.p99Ms)}.`;
  return [
    age,
    `${formatNumber(requestsPerUserMinute(poll))} requests and ${formatBytes(bytesPerUserMinute(poll))} for each user and minute, ` +
      `and ${formatNumber(poll.server.corePercent)} % of a core for ${formatUsers(poll.users)}, are little.`,
  ];
}

/** What a WebSocket is better for than a stream. Nothing where a stream is as good. */
export function socketNeeds({ isTwoWay, perSecond, tolerableMs }: LabSettings): string[] {
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

/** Where a stream would do as well. */
export function socketForStream(settings: LabSettings, measurements: readonly LabMeasurement[]): string {
  return `A stream would be enough, but none can be chosen: ${whyNone(settings, measurements, streams)}.`;
}

/** @param poll where it could have been chosen, but for what it costs or cannot do */
export function streamReasons(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  stream: LabMeasurement,
  poll: LabMeasurement | undefined,
): string[] {
  const { isTwoWay, perSecond } = settings;
  const reasons =
    socketNeeds(settings).length === 0
      ? []
      : [`A WebSocket would be better, but none can be chosen: ${whyNone(settings, measurements, sockets)}.`];
  const within =
    stream.latency.p99Ms === null ? "" : ` and arrived within ${formatMs(stream.latency.p99Ms)} (99 %)`;
  reasons.push(
    isTwoWay
      ? `Clients send with requests beside it. Messages come ${formatNumber(perSecond)} a second${within}.`
      : `Messages go one way, ${formatNumber(perSecond)} a second,${within || " but none was due in the window"}.`,
  );
  return poll ? [...reasons, whyNoPoll(settings, poll, stream)] : reasons;
}

function whyNoPoll({ intervalMs }: LabSettings, poll: LabMeasurement, stream: LabMeasurement): string {
  const name = `Polling every ${formatMs(intervalMs)}`;
  if (isCheap(poll)) return `${name} was cheap, but is chosen only where clients just read.`;
  const costs: string[] = [];
  if (bytesPerUserMinute(poll) > cheapPoll.bytesPerUserMinute)
    costs.push(
      `${formatBytes(bytesPerUserMinute(poll))} for each user and minute against ${formatBytes(bytesPerUserMinute(stream))}, ` +
        `where ${formatBytes(cheapPoll.bytesPerUserMinute)} count as cheap`,
    );
  if (poll.server.corePercent > cheapPoll.corePercent)
    costs.push(
      `${formatNumber(poll.server.corePercent)} % of a core against ${formatNumber(stream.server.corePercent)} %, ` +
        `where ${cheapPoll.corePercent} % count as cheap`,
    );
  return `${name} is not cheap: ${costs.join("; and ")}.`;
}

/** Where nothing that stays open is left. */
export function restReasons(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  { transport }: LabMeasurement,
): string[] {
  const open = `Nothing that stays open can be chosen: ${whyNone(settings, measurements, [...streams, ...sockets])}.`;
  const { perSecond } = settings;
  if (transport === "long-poll")
    return [
      perSecond <= longPollPerSecond
        ? `Messages are rare, ${formatNumber(perSecond)} a second, so requests that wait for them are few.`
        : `With ${formatNumber(perSecond)} messages a second each user asks again about as often.`,
      open,
    ];
  const others = labTransports.filter((each) => each !== transport);
  const isAlone = measurements.length === 1;
  return [
    isAlone
      ? "Nothing else was measured."
      : `Nothing else can be chosen: ${whyNone(settings, measurements, others)}.`,
  ];
}

export function costOf(measurement: LabMeasurement): string {
  const { server, users } = measurement;
  return (
    `It took ${formatBytes(bytesPerUserMinute(measurement))} for each user and minute, and ` +
    `${formatNumber(server.corePercent)} % of a core for ${formatUsers(users)}.`
  );
}
