/** Latencies of each transport as a histogram over one logarithmic axis, with marks for the median and 99 %. */
import { scaleLinear, scaleLog } from "d3-scale";
import { type LabMeasurement, type LatencySummary, transportWords } from "./lab-result.js";
import { formatMs } from "./numbers.js";
import { chartWidth, colourOf, type Drawing, element, textAt, wrapped } from "./svg.js";

const margin = 4;
const ridgeHeight = 34;
const rowHeight = 66;

export function latencyChart(measurements: readonly LabMeasurement[]): Drawing {
  const title = "Latency";
  const subtitle =
    "From when a message was due to when a user had it: how many took how long, by a logarithmic scale. Marks: half, and 99 %.";
  const timed = measurements.filter(({ latency }) => latency.count > 0);
  const parts = [textAt(margin, 18, title, { class: "head" })];
  let y = 18;
  for (const line of wrapped(subtitle, 46)) {
    y += 17;
    parts.push(textAt(margin, y, line, { class: "soft" }));
  }
  y += 12;
  const top = y;
  const x = axisOf(timed);
  const rows = timed.map((measurement) => {
    const row = rowOf(measurement, y, x);
    y += rowHeight;
    return row;
  });
  const ticks = ticksOf(x);
  for (const tick of ticks) {
    parts.push(element("line", { class: "grid", x1: x(tick), x2: x(tick), y1: top, y2: y }));
    parts.push(
      textAt(x(tick), y + 14, formatMs(tick), { class: "soft small", "text-anchor": anchor(x(tick)) }),
    );
  }
  if (timed.length === 0)
    parts.push(textAt(margin, y + 14, "No message was due in the window.", { class: "soft" }));
  const said = timed.map(
    ({ transport, latency }) => `${transportWords[transport].title}: ${percentiles(latency)}`,
  );
  return {
    title,
    description: `${subtitle} ${said.join("; ")}.`,
    height: y + 24,
    body: [...parts, ...rows].join(""),
  };
}

type Axis = ReturnType<typeof axisOf>;

function axisOf(measurements: readonly LabMeasurement[]) {
  const buckets = measurements.flatMap(({ latency }) => latency.buckets);
  const least = Math.max(0.01, Math.min(1, ...buckets.map(({ toMs }) => toMs)));
  const most = Math.max(10, ...buckets.map(({ toMs }) => toMs));
  const start = 10 ** Math.floor(Math.log10(least));
  return scaleLog([start, Math.max(start * 10, most)], [margin, chartWidth - margin]).clamp(true);
}

/** Powers of ten. */
function ticksOf(x: Axis): number[] {
  const [least = 1, most = 10] = x.domain();
  const first = Math.ceil(Math.log10(least) - 1e-9);
  const count = Math.floor(Math.log10(most) + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, i) => 10 ** (first + i));
}

function anchor(at: number): string {
  if (at < 24) return "start";
  return at > chartWidth - 24 ? "end" : "middle";
}

function rowOf({ transport, latency }: LabMeasurement, top: number, x: Axis): string {
  const floor = top + 22 + ridgeHeight;
  const most = Math.max(...latency.buckets.map(({ count }) => count));
  const height = scaleLinear([0, most], [0, ridgeHeight]);
  const style = `fill:${colourOf(transport)}`;
  const bars = latency.buckets.map(({ fromMs, toMs, count }) => {
    const left = x(Math.max(fromMs, x.domain()[0] ?? 0));
    const tall = Math.max(1, height(count));
    return element("rect", {
      x: left,
      y: floor - tall,
      width: Math.max(1.2, x(toMs) - left),
      height: tall,
      style,
    });
  });
  const marks = [latency.p50Ms, latency.p99Ms]
    .filter((each) => each !== null)
    .map((each) =>
      element("line", { class: "mark", x1: x(each), x2: x(each), y1: floor - 4, y2: floor + 5 }),
    );
  return [
    textAt(margin, top + 15, transportWords[transport].title),
    textAt(chartWidth - margin, top + 15, percentiles(latency), { class: "value" }),
    element("line", { class: "grid", x1: margin, x2: chartWidth - margin, y1: floor, y2: floor }),
    ...bars,
    ...marks,
  ].join("");
}

function percentiles({ p50Ms, p99Ms }: LatencySummary): string {
  return `half ${formatMs(p50Ms)}, 99 % ${formatMs(p99Ms)}`;
}
