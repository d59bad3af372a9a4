/** What takes from the weight of a verdict. */
import { emptyShare, isCorrect, isShortOfTime } from "./figures.js";
import type { LabMeasurement, LabSettings } from "./lab-result.js";
import { mostWarmUpMs, transportWords } from "./lab-result.js";
import { formatMs, formatNumber, formatPercent } from "./numbers.js";

/** A percentile of fewer deliveries is a matter of chance. */
const fewDeliveries = 100;
/** Of all cores: beyond, processes wait for each other. */
const busyEnough = 0.95;

export function caveatsOf(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  chosen: LabMeasurement | undefined,
): string[] {
  return [
    ...ofLoad(measurements),
    ...ofInterval(settings, measurements),
    ...ofFaults(measurements),
    ...(chosen ? ofChoice(settings, chosen) : []),
    ...ofNetwork(settings),
  ];
}

function ofLoad(measurements: readonly LabMeasurement[]): string[] {
  const bound = measurements.filter(({ isLoadBound }) => isLoadBound);
  const short = bound.filter(({ load }) => isShortOfTime(load));
  const bursts = bound.filter(({ load }) => !isShortOfTime(load));
  const caveats: string[] = [];
  if (short.length > 0)
    caveats.push(
      `The process that plays the users was short of processor time for ${namesOf(short)}: their latencies say more of it than of ` +
        "the server. Take fewer users or messages.",
    );
  if (bursts.length > 0)
    caveats.push(
      `The process that plays the users was busy while messages arrived over ${namesOf(bursts)}, so the last users that one ` +
        "reaches are late because of it, too.",
    );
  const busy = measurements.filter(({ load }) => load.machineBusy >= busyEnough);
  if (busy.length > 0)
    caveats.push(
      `All cores of this machine were busy for ${namesOf(busy)}, so users and server slowed each other down.`,
    );
  return caveats;
}

/** Polls that come so rarely that the window sees few of them, or not what they usually bring. */
function ofInterval(
  { intervalMs, durationMs }: LabSettings,
  measurements: readonly LabMeasurement[],
): string[] {
  if (!measurements.some(({ transport }) => transport === "poll")) return [];
  const caveats: string[] = [];
  if (durationMs < 2 * intervalMs)
    caveats.push(
      `The window of ${formatMs(durationMs)} is shorter than two intervals of polling (${formatMs(intervalMs)} each), so what ` +
        "polling costs depends on which users happened to ask in it. Take a longer window.",
    );
  if (intervalMs > mostWarmUpMs)
    caveats.push(
      `Messages were published for only ${formatMs(mostWarmUpMs)} before the window, and not for a whole interval of polling ` +
        `(${formatMs(intervalMs)}), so polls in it brought fewer messages than they usually would.`,
    );
  return caveats;
}

function ofFaults(measurements: readonly LabMeasurement[]): string[] {
  const wrong = measurements.filter((each) => !isCorrect(each));
  const caveats: string[] = [];
  if (wrong.length > 0)
    caveats.push(`${namesOf(wrong)} did not bring every message once and in order, which is a defect.`);
  const failed = measurements.filter(({ errors }) => errors.count > 0);
  if (failed.length > 0)
    caveats.push(`There were errors with ${namesOf(failed)}; the report has the first of them.`);
  return caveats;
}

function ofChoice(settings: LabSettings, chosen: LabMeasurement): string[] {
  const { transport, latency } = chosen;
  const caveats: string[] = [];
  if (latency.count === 0) caveats.push("No message was due in the window, so nothing is known of latency.");
  else if (latency.count < fewDeliveries)
    caveats.push(
      `Only ${latency.count} deliveries were timed: a longer window, or more users, would say more.`,
    );
  if (transport === "poll")
    caveats.push(
      `It depends on the interval of ${formatMs(settings.intervalMs)}: half of it asks twice as often. ` +
        `${formatPercent(emptyShare(chosen) ?? 0)} of the answers were empty.`,
    );
  if (transport === "sse")
    caveats.push("Over HTTP/1.1 browsers open six connections to a host; with several tabs, serve HTTP/2.");
  if (transport === "long-poll")
    caveats.push(
      `Each message costs every user a request: with more than ${formatNumber(settings.perSecond)} a second, requests grow as well.`,
    );
  if (transport === "websocket" || transport === "websocket-h2")
    caveats.push("Some proxies stop WebSockets: have a stream to fall back to, as SDKs do.");
  return caveats;
}

function ofNetwork({ delayMs, cutEveryMs }: LabSettings): string[] {
  if (delayMs > 0 || cutEveryMs > 0) return [];
  return [
    "Between users and server was no network but this machine's own: real ones add their delay to all.",
  ];
}

function namesOf(measurements: readonly LabMeasurement[]): string {
  return measurements.map(({ transport }) => transportWords[transport].title).join(", ");
}
