/** What takes from the weight of a verdict. */
import { emptyShare, isCorrect } from "./figures.js";
import type { LabMeasurement, LabSettings } from "./lab-result.js";
import { transportWords } from "./lab-result.js";
import { formatMs, formatNumber, formatPercent } from "./numbers.js";

/** A percentile of fewer deliveries is a matter of chance. */
const fewDeliveries = 100;
/** A proxy that ends requests sooner is common. */
const busyEnough = 0.95;

export function caveatsOf(
  settings: LabSettings,
  measurements: readonly LabMeasurement[],
  chosen: LabMeasurement | undefined,
): string[] {
  return [
    ...ofLoad(measurements),
    ...ofFaults(measurements),
    ...(chosen ? ofChoice(settings, chosen) : []),
    ...ofNetwork(settings),
  ];
}

function ofLoad(measurements: readonly LabMeasurement[]): string[] {
  const bound = measurements.filter(({ isLoadBound }) => isLoadBound);
  const caveats: string[] = [];
  if (bound.length > 0)
    caveats.push(
      `The process that plays the users was short of processor time for ${namesOf(bound)}: their latencies say more of it than of ` +
        "the server. Take fewer users or messages.",
    );
  const busy = measurements.filter(({ load }) => load.machineBusy >= busyEnough);
  if (busy.length > 0)
    caveats.push(
      `All cores of this machine were busy for ${namesOf(busy)}, so users and server slowed each other down.`,
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
      `Each message costs every user one more request: at ten times ${formatNumber(settings.perSecond)} a second this is no longer so.`,
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
