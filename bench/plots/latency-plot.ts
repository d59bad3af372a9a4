/** Latency over the rate of deliveries, both logarithmic; a line ends where its server no longer kept up. */
import type { LatencySample } from "../support/latency-table.js";
import { type Line, linesPanel } from "./lines.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { logScale } from "./scale.js";
import { drawDocument, type Panel } from "./svg.js";

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
