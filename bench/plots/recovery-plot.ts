/** How many clients are live again, over the time since the server was killed. */
import type { RecoverySample } from "../support/recovery-table.js";
import { grouped } from "../support/report.js";
import { type Line, linesPanel } from "./lines.js";
import { colourOf, footerOf, type Measurements, namesIn } from "./measurements.js";
import { linearScale } from "./scale.js";
import { drawDocument } from "./svg.js";

export function drawRecovery(measured: Measurements<RecoverySample>): string {
  const { samples } = measured;
  const durabilities = namesIn(samples, ({ durability }) => durability);
  const typical = durabilities.map((durability) =>
    middleOf(samples.filter((sample) => sample.durability === durability)),
  );
  const lines = typical.map(({ durability, curve, downMs }): Line => {
    const name = `holdfast-${durability}`;
    const points = curve.map(([ms, live]) => [ms / 1000, live] as const);
    return { name, series: colourOf(name), points: [[0, 0], [downMs / 1000, 0], ...points] };
  });
  const most = Math.max(...lines.flatMap(({ points }) => points.map(([seconds]) => seconds)));
  const clients = Math.max(...samples.map((sample) => sample.clients));
  const faults = samples.reduce((sum, { gaps, duplicates }) => sum + gaps + duplicates, 0);
  return drawDocument({
    title: `${grouped(clients)} clients after kill -9 of the server`,
    subtitle:
      "Clients that are subscribed again and have everything they missed. The server starts again on the same folder at " +
      `once, and publishing goes on. ${faults === 0 ? "No gaps, no duplicates" : `${grouped(faults)} gaps and duplicates`}.`,
    panels: [
      linesPanel({
        heading: "Live clients",
        lines,
        xTitle: "seconds since the kill",
        x: (pixels) => linearScale(most, pixels),
        y: (pixels) => linearScale(clients, pixels),
        marks: typical.slice(0, 1).map(({ downMs }) => ({ x: downMs / 1000, name: "listening again" })),
      }),
    ],
    footer: footerOf(measured, "the middle one of"),
  });
}

/** The round whose last client came back neither first nor last. */
function middleOf(samples: readonly RecoverySample[]): RecoverySample {
  const sorted = samples.toSorted((a, b) => a.sinceKill.last - b.sinceKill.last);
  return sorted[Math.floor((sorted.length - 1) / 2)] as RecoverySample;
}
