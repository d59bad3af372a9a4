/** Latencies by rate and contender as a table, medians over the rounds, and as a plot. */
import { formatCount } from "@holdfast/lab/report";
import type { OpenLoopResult } from "../support/open-loop.js";
import { percent, summarize, table } from "../support/report.js";
import type { Usage } from "../support/server-usage.js";
import { type Line, linesPanel, logScale } from "./line-panel.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { drawDocument, type Panel } from "./plot-document.js";

export interface LatencySample extends OpenLoopResult, Usage {
  readonly contender: string;
  readonly round: number;
  /** Publications a second that were due. */
  readonly rate: number;
  readonly subscribers: number;
}

const head = [
  "published/s",
  "",
  "deliveries/s",
  "p50 ms",
  "p99 ms",
  "p99.9 ms",
  "publisher late",
  "server CPU",
];

export const latencyLegend =
  "p50, p99, p99.9: from the time at which a publication was due until each delivery, whether it could be sent then or not.\n" +
  "publisher late: 99 % of publications were sent within so many milliseconds of that time, which is the load's part.\n" +
  "saturated: the server did not keep up, or gave up on subscribers, and higher rates were left out. server CPU: of one core.\n" +
  "Medians over the rounds. holdfast keeps its log in memory, holdfast-durable writes a publication to a file before it\n" +
  "delivers or confirms it, and holdfast-disk flushes it to the disk before that; all three keep more than by default, so that\n" +
  "what a publisher that was late sends at once ends no subscription. ws, socket.io and nats-server keep nothing and confirm\n" +
  "nothing.";

/** @param missing names of contenders that are not on this machine */
export function latencyTable(samples: readonly LatencySample[], missing: readonly string[]): string {
  const rates = [...new Set(samples.map(({ rate }) => rate))].sort((a, b) => a - b);
  const names = [...new Set(samples.map(({ contender }) => contender))];
  const rows = rates.flatMap((rate) =>
    names.flatMap((name) => {
      const own = samples.filter((sample) => sample.contender === name && sample.rate === rate);
      return own.length === 0 ? [] : [rowOf(name, rate, own)];
    }),
  );
  return table(head, [...rows, ...missing.map((name) => ["", name, "not installed"])]);
}

function rowOf(name: string, rate: number, samples: readonly LatencySample[]): readonly string[] {
  const median = (figure: (sample: LatencySample) => number) => summarize(samples.map(figure)).median;
  // A rate counts as kept when most rounds kept it.
  const saturated = samples.filter(({ isSaturated }) => isSaturated).length > samples.length / 2;
  const first = [formatCount(rate), name];
  const server = percent(median(({ serverUtilisation }) => serverUtilisation));
  if (saturated) return [...first, "saturated", "-", "-", "-", "-", server];
  return [
    ...first,
    formatCount(rate * (samples[0]?.subscribers ?? 0)),
    median(({ p50Ms }) => p50Ms).toFixed(2),
    median(({ p99Ms }) => p99Ms).toFixed(2),
    median(({ p999Ms }) => p999Ms).toFixed(2),
    median(({ lateP99Ms }) => lateP99Ms).toFixed(2),
    server,
  ];
}

type Percentile = "p50Ms" | "p99Ms";

export function drawLatency(measured: Measurements<LatencySample>): string {
  const { samples } = measured;
  const subscribers = samples[0]?.subscribers ?? 0;
  return drawDocument({
    title: "Latency at rising rates",
    subtitle:
      `From the time a publication was due until each of its ${subscribers} deliveries. A line ends at the last rate that its ` +
      "server kept up with.",
    panels: [
      panelOf(samples, "p50Ms", "Half of the deliveries came within, ms"),
      panelOf(samples, "p99Ms", "99 % of the deliveries came within, ms"),
    ],
    footer: footerOf(measured),
  });
}

function panelOf(samples: readonly LatencySample[], percentile: Percentile, heading: string): Panel {
  const names = inUsualOrder(namesIn(samples, ({ contender }) => contender));
  const lines = names
    .map((name) => lineOf(name, samples, percentile))
    .filter(({ points }) => points.length > 0);
  const all = lines.flatMap(({ points }) => points);
  const least = (axis: 0 | 1) => Math.min(...all.map((point) => point[axis]));
  const most = (axis: 0 | 1) => Math.max(...all.map((point) => point[axis]));
  return linesPanel({
    heading,
    lines,
    xTitle: "deliveries per second",
    x: (pixels) => logScale(least(0), most(0), pixels),
    y: (pixels) => logScale(Math.max(0.01, least(1)), most(1), pixels),
  });
}

function lineOf(name: string, samples: readonly LatencySample[], percentile: Percentile): Line {
  const own = samples.filter(({ contender }) => contender === name);
  const rates = [...new Set(own.map(({ rate }) => rate))].sort((a, b) => a - b);
  const points: (readonly [number, number])[] = [];
  for (const rate of rates) {
    const those = own.filter((sample) => sample.rate === rate);
    if (those.filter(({ isSaturated }) => isSaturated).length > those.length / 2) break;
    const latency = medianOf(those, (sample) => sample[percentile]);
    points.push([rate * (those[0]?.subscribers ?? 0), Math.max(0.01, latency)]);
  }
  return { name, series: colourOf(name), points };
}
