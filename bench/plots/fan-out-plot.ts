/** Deliveries per second, as bars, for each shape and window. */
import type { FanOutSample } from "../support/fan-out-table.js";
import { grouped } from "../support/report.js";
import { type Bar, barsPanel } from "./bars.js";
import { colourOf, footerOf, inUsualOrder, type Measurements, medianOf, namesIn } from "./measurements.js";
import { missingBars } from "./publish-plot.js";
import { drawDocument, type Panel } from "./svg.js";

export function drawFanOut(measured: Measurements<FanOutSample>): string {
  const { samples, settings } = measured;
  const windows = [...new Set(samples.map(({ window }) => window))];
  const panels: Panel[] = [];
  for (const shape of namesIn(samples, (sample) => sample.shape))
    for (const window of windows) {
      const those = samples.filter((sample) => sample.shape === shape && sample.window === window);
      const names = inUsualOrder(namesIn(those, ({ contender }) => contender));
      const bars = names.map((name): Bar => {
        const own = those.filter(({ contender }) => contender === name);
        const perSecond = medianOf(own, ({ deliveriesPerSecond }) => deliveriesPerSecond);
        const micros = medianOf(own, ({ serverCpuMicrosPerDelivery }) => serverCpuMicrosPerDelivery);
        return {
          name,
          series: colourOf(name),
          value: perSecond,
          label: `${grouped(perSecond)}/s, ${micros.toFixed(1)} µs`,
        };
      });
      const isSingle = those.every(({ channels }) => channels === 1);
      const detail = isSingle
        ? ` ${window === 1 ? "one by one" : `${window} at a time`}`
        : ` window ${window}`;
      panels.push(
        barsPanel({ heading: `${shape},${detail}`, bars: [...bars, ...missingBars(settings.missing)] }),
      );
    }
  return drawDocument({
    title: "Deliveries per second",
    subtitle:
      "And the server's processor time for each, in microseconds. holdfast keeps its log in memory, holdfast-durable writes " +
      "every publication to a file before it delivers it.",
    panels,
    footer: footerOf(measured),
  });
}
