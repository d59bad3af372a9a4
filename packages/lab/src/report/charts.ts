/** The charts of a run, each a drawing of its own, and all of them on one sheet. */

import { scaleLinear, scaleLog } from "d3-scale";
import { bytesPerUserMinute, emptyShare } from "./figures.js";
import {
  type LabMeasurement,
  type LabResult,
  type LabTransport,
  type LatencySummary,
  transportInfo,
} from "./lab-result.js";
import { formatBytes, formatMemory, formatMs, formatNumber, formatPercent, formatUsers } from "./numbers.js";
import { chartWidth, type Drawing, drawSvg, element, textAt, transportColour, wrapWords } from "./svg.js";

export interface LabChart {
  readonly name: "bytes" | "cpu" | "empty" | "memory" | "latency";
  readonly svg: string;
}

export function drawCharts(result: LabResult): readonly LabChart[] {
  return drawingsOf(result).map(([name, drawing]) => ({ name, svg: drawSvg(drawing) }));
}

/** @returns one SVG with all charts below each other, such as for a file */
export function drawChartSheet(result: LabResult): string {
  let y = 12;
  const parts = drawingsOf(result).map(([, { height, body }]) => {
    const part = element("g", { transform: `translate(0 ${y})` }, body);
    y += height + 20;
    return part;
  });
  const drawings = drawingsOf(result).map(([, drawing]) => drawing);
  const paper = element("rect", { width: chartWidth, height: y, style: "fill:var(--lab-paper)" });
  const colours =
    "<style>.lab-chart{--lab-paper:#fffdf9}@media (prefers-color-scheme:dark){.lab-chart{--lab-paper:#152124}}</style>";
  return drawSvg({
    title: "What each transport costs",
    description: drawings.map(({ title, description }) => `${title}: ${description}`).join(" "),
    height: y,
    body: `${colours}${paper}${parts.join("")}`,
  });
}

function drawingsOf({
  measurements,
  settings,
  isByBrowser,
}: LabResult): readonly (readonly [LabChart["name"], Drawing])[] {
  const bars = (
    value: (each: LabMeasurement) => number | undefined,
    format: (value: number) => string,
  ): Bar[] =>
    measurements.map((each) => {
      const found = value(each);
      const label = found === undefined ? "no requests" : format(found);
      return { transport: each.transport, name: transportInfo[each.transport].title, value: found, label };
    });
  const bytes = barChart({
    title: "Bytes on the wire",
    subtitle: "Per user and minute, both ways, including header fields and framing.",
    bars: bars(bytesPerUserMinute, formatBytes),
  });
  const cpu = barChart({
    title: "Server CPU",
    subtitle: `Percent of one core, for ${formatUsers(settings.users)}.`,
    bars: bars(
      ({ server }) => server.corePercent,
      (value) => `${formatNumber(value)} %`,
    ),
  });
  const empty = barChart({
    title: "Empty responses",
    subtitle: "Share of all responses in the window.",
    bars: bars(emptyShare, formatPercent),
    most: 1,
  });
  const memory = barChart({
    title: "Server memory",
    subtitle: "Growth of its process when the users connected, per user.",
    bars: bars(
      ({ memory: { kibPerUser } }) => Math.max(0, kibPerUser),
      (kib) => formatMemory(kib * 1024),
    ),
  });
  const latency = latencyChart(measurements);
  return [
    ["bytes", bytes],
    ["cpu", cpu],
    ["empty", empty],
    ...(isByBrowser ? [] : ([["memory", memory]] as const)),
    ["latency", latency],
  ];
}

export interface Bar {
  readonly transport: LabTransport;
  readonly name: string;
  /** Undefined where there is none; the label says why. */
  readonly value: number | undefined;
  readonly label: string;
}

interface BarChartOptions {
  readonly title: string;
  readonly subtitle: string;
  readonly bars: readonly Bar[];
  /** The value of a full bar. @default the greatest */
  readonly most?: number;
}

const margin = 4;
const rowHeight = 40;
const barHeight = 12;
/** So that small values are visible. */
const minWidth = 2;

function barChart({ title, subtitle, bars, most }: BarChartOptions): Drawing {
  const greatest = most ?? Math.max(0, ...bars.map(({ value }) => value ?? 0));
  const width = chartWidth - 2 * margin;
  const x = scaleLinear([0, greatest > 0 ? greatest : 1], [0, width]).clamp(true);
  const parts = [textAt(margin, 18, title, { class: "head" })];
  let y = 18;
  for (const line of wrapWords(subtitle, 46)) {
    y += 17;
    parts.push(textAt(margin, y, line, { class: "soft" }));
  }
  y += 10;
  for (const { transport, name, value, label } of bars) {
    parts.push(textAt(margin, y + 15, name));
    parts.push(textAt(chartWidth - margin, y + 15, label, { class: "value" }));
    const place = { x: margin, y: y + 21, height: barHeight, rx: 3 };
    parts.push(element("rect", { ...place, width, class: "track" }));
    if (value !== undefined && value > 0) {
      const style = `fill:${transportColour(transport)}`;
      parts.push(element("rect", { ...place, width: Math.max(minWidth, x(value)), style }));
    }
    y += rowHeight;
  }
  const description = `${subtitle} ${bars.map(({ name, label }) => `${name}: ${label}`).join("; ")}.`;
  return { title, description, height: y + 6, body: parts.join("") };
}

const ridgeHeight = 34;
const ridgeRowHeight = 66;

function latencyChart(measurements: readonly LabMeasurement[]): Drawing {
  const title = "Latency";
  const subtitle =
    "From when a message was due to when a user received it, on a logarithmic scale. Marks: p50 and p99.";
  const timed = measurements.filter(({ latency }) => latency.count > 0);
  const parts = [textAt(margin, 18, title, { class: "head" })];
  let y = 18;
  for (const line of wrapWords(subtitle, 46)) {
    y += 17;
    parts.push(textAt(margin, y, line, { class: "soft" }));
  }
  y += 12;
  const top = y;
  const x = axisOf(timed);
  const rows = timed.map((measurement) => {
    const row = rowOf(measurement, y, x);
    y += ridgeRowHeight;
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
    ({ transport, latency }) => `${transportInfo[transport].title}: ${percentiles(latency)}`,
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
  const style = `fill:${transportColour(transport)}`;
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
    textAt(margin, top + 15, transportInfo[transport].title),
    textAt(chartWidth - margin, top + 15, percentiles(latency), { class: "value" }),
    element("line", { class: "grid", x1: margin, x2: chartWidth - margin, y1: floor, y2: floor }),
    ...bars,
    ...marks,
  ].join("");
}

function percentiles({ p50Ms, p99Ms }: LatencySummary): string {
  return `p50 ${formatMs(p50Ms)}, p99 ${formatMs(p99Ms)}`;
}
