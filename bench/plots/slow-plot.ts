/** What stalled readers do to the others, as bars, and to the server's memory, as lines. */
import { grouped } from "../support/report.js";
import type { SlowSample } from "../support/slow-table.js";
import { type Bar, barsPanel } from "./bars.js";
import { type Line, linesPanel } from "./lines.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { milliseconds } from "./publish-plot.js";
import { linearScale } from "./scale.js";
import { drawDocument } from "./svg.js";

const mebibyte = 1024 * 1024;

export function drawSlow(measured: Measurements<SlowSample>): string {
  const { samples } = measured;
  const names = inUsualOrder(namesIn(samples, ({ contender }) => contender));
  const stalled = samples[0]?.stalled ?? 0;
  const bars = names.flatMap((name): Bar[] => {
    const own = samples.filter(({ contender }) => contender === name);
    const half = (which: "without" | "with", title: string): Bar => {
      const perSecond = medianOf(own, (sample) => sample[which].deliveriesPerSecond);
      const p99 = medianOf(own, (sample) => sample[which].p99Ms);
      const label = `${grouped(perSecond)}/s, p99 ${milliseconds(p99)}`;
      return { name: title, series: colourOf(name), value: perSecond, label };
    };
    return [half("without", name), half("with", "with stalled")];
  });
  const lines = names.map((name): Line => {
    const { memory } = samples.find(({ contender }) => contender === name) as SlowSample;
    const before = memory[0]?.rssBytes ?? 0;
    const points = memory.map(
      ({ seconds, rssBytes }) => [seconds, grownMebibytes(rssBytes, before)] as const,
    );
    return { name, series: colourOf(name), points };
  });
  const all = lines.flatMap(({ points }) => points);
  return drawDocument({
    title: `${grouped(stalled)} subscribers that never read`,
    subtitle:
      "Deliveries to the others, without and with them, and how the server's memory grows while they stay.",
    panels: [
      barsPanel({ heading: "Deliveries per second to those who read", bars }),
      linesPanel({
        heading: "Growth of the server's resident memory, MiB, in the first round",
        lines,
        xTitle: "seconds since the stalled came",
        x: (pixels) => linearScale(Math.max(...all.map(([seconds]) => seconds)), pixels),
        y: (pixels) => linearScale(Math.max(1, ...all.map(([, grown]) => grown)), pixels),
      }),
    ],
    footer: footerOf(measured),
  });
}

function grownMebibytes(bytes: number, before: number): number {
  return Math.max(0, (bytes - before) / mebibyte);
}
