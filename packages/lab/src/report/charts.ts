/** The charts of a run, each a drawing of its own, and all of them in one. */
import { type Bar, barChart } from "./bar-chart.js";
import { bytesPerUserMinute, emptyShare } from "./figures.js";
import { type LabMeasurement, type LabResult, transportWords } from "./lab-result.js";
import { latencyChart } from "./latency-chart.js";
import { formatBytes, formatMemory, formatNumber, formatPercent, formatUsers } from "./numbers.js";
import { chartWidth, type Drawing, drawSvg, element } from "./svg.js";

export interface NamedChart {
  readonly name: "bytes" | "cpu" | "empty" | "memory" | "latency";
  readonly svg: string;
}

export function chartsOf(result: LabResult): readonly NamedChart[] {
  return drawingsOf(result).map(([name, drawing]) => ({ name, svg: drawSvg(drawing) }));
}

/** @returns one SVG with all charts below each other, such as for a file */
export function chartSheet(result: LabResult): string {
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
}: LabResult): readonly (readonly [NamedChart["name"], Drawing])[] {
  const bars = (
    value: (each: LabMeasurement) => number | undefined,
    format: (value: number) => string,
  ): Bar[] =>
    measurements.map((each) => {
      const found = value(each);
      const label = found === undefined ? "nothing asked" : format(found);
      return { transport: each.transport, name: transportWords[each.transport].title, value: found, label };
    });
  const bytes = barChart({
    title: "Bytes on the line",
    subtitle: "For each user and minute, both ways, header fields and framing included.",
    bars: bars(bytesPerUserMinute, formatBytes),
  });
  const cpu = barChart({
    title: "Processor time of the server",
    subtitle: `In percent of one core, for ${formatUsers(settings.users)}.`,
    bars: bars(
      ({ server }) => server.corePercent,
      (value) => `${formatNumber(value)} %`,
    ),
  });
  const empty = barChart({
    title: "Answers with nothing in them",
    subtitle: "Of all answers to requests in the window.",
    bars: bars(emptyShare, formatPercent),
    most: 1,
  });
  const memory = barChart({
    title: "Memory of the server",
    subtitle: "What its process grew by when the users came, for each of them.",
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
