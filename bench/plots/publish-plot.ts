/** Acknowledged publications per second, as bars. */
import type { PublishSample } from "../support/publish-table.js";
import { grouped } from "../support/report.js";
import { type Bar, barsPanel } from "./bars.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { drawDocument } from "./svg.js";

export function drawPublish(measured: Measurements<PublishSample>): string {
  const { samples, settings } = measured;
  const shapes = namesIn(samples, ({ shape }) => shape);
  // More channels are in the table; here they would only make the plot long.
  const least = Math.min(...samples.map(({ channels }) => channels));
  const drawn = shapes.filter((title) =>
    samples.some(({ shape, channels }) => shape === title && channels === least),
  );
  const panels = drawn.map((shape) => {
    const those = samples.filter((sample) => sample.shape === shape);
    const names = inUsualOrder(namesIn(those, ({ contender }) => contender));
    const bars = names.map((name): Bar => {
      const own = those.filter(({ contender }) => contender === name);
      const perSecond = medianOf(own, ({ publishesPerSecond }) => publishesPerSecond);
      const p99 = medianOf(own, ({ p99Ms }) => p99Ms);
      return {
        name,
        series: colourOf(name),
        value: perSecond,
        label: `${grouped(perSecond)}/s, p99 ${milliseconds(p99)}`,
      };
    });
    return barsPanel({ heading: shape, bars: [...bars, ...missingBars(settings.missing)] });
  });
  return drawDocument({
    title: "Acknowledged publications per second",
    subtitle:
      "Holdfast by durability: memory acknowledges at once, process once written (survives kill -9), disk once flushed. " +
      "ws and Socket.IO keep nothing. JetStream has a log in a file, which the disk gets later.",
    panels,
    footer: footerOf(measured),
  });
}

export function missingBars(missing: readonly string[] = []): readonly Bar[] {
  return missing.map((name) => ({ name, series: "s6", value: undefined, label: "not installed" }));
}

/** 0.234 → "0.23 ms", 12.3 → "12 ms" */
export function milliseconds(value: number): string {
  return `${value < 10 ? Number(value.toPrecision(2)) : Math.round(value)} ms`;
}
