/** The delay of each message over time, one line for each transport, as it is measured. */

import { type LabTransport, transportInfo } from "@holdfast/lab/report";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { LiveRow } from "../model/lab.js";

const height = 240;
const leastMs = 0.1;

export function DelayChart({ rows }: { rows: readonly LiveRow[] }) {
  const host = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | undefined>(undefined);
  const names = rows.map(({ transport }) => transport).join(" ");
  useEffect(() => {
    const element = host.current;
    if (!element) return;
    const made = create(element, rows);
    chart.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
    };
  }, [names]);
  useEffect(() => chart.current?.setData(toColumns(rows)));
  return (
    <figure class="panel lab-delays">
      <figcaption class="panel-heading">Delay of each message</figcaption>
      <div ref={host} />
    </figure>
  );
}

function create(element: HTMLElement, rows: readonly LiveRow[]): uPlot {
  const style = getComputedStyle(element);
  const ink = style.getPropertyValue("--ink-soft");
  const grid = { stroke: style.getPropertyValue("--line"), width: 1 };
  return new uPlot(
    {
      width: element.clientWidth,
      height,
      legend: { show: true, live: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        y: { distr: 3, range: (_, least, most) => [Math.min(least || 1, 1), Math.max(most || 10, 10)] },
      },
      axes: [
        { stroke: ink, grid, values: (_, splits) => splits.map((each) => `${each} s`) },
        {
          stroke: ink,
          grid,
          size: 64,
          values: (_, splits) => splits.map((each) => (each === null ? "" : `${each} ms`)),
        },
      ],
      series: [
        {},
        ...rows.map(({ transport }) => ({
          label: transportInfo[transport].title,
          stroke: colourOf(transport, style),
          width: 1.5,
          points: { show: true, size: 5 },
          spanGaps: true,
        })),
      ],
    },
    toColumns(rows),
    element,
  );
}

/** One column of times for all: where a transport had no message, there is a gap. */
function toColumns(rows: readonly LiveRow[]): uPlot.AlignedData {
  const times = [...new Set(rows.flatMap(({ tally }) => tally.points.map(({ at }) => at)))].sort(
    (a, b) => a - b,
  );
  const start = times[0] ?? 0;
  const columns = rows.map(({ tally }) => {
    const byTime = new Map(tally.points.map(({ at, latencyMs }) => [at, Math.max(leastMs, latencyMs)]));
    return times.map((time) => byTime.get(time) ?? null);
  });
  return [times.map((time) => (time - start) / 1000), ...columns];
}

const names: Readonly<Record<LabTransport, string>> = {
  poll: "--lab-poll",
  "long-poll": "--lab-long-poll",
  sse: "--lab-sse",
  "http-stream": "--lab-http-stream",
  websocket: "--lab-websocket",
  "websocket-h2": "--lab-websocket-h2",
};

export function colourOf(transport: LabTransport, style: CSSStyleDeclaration): string {
  return style.getPropertyValue(names[transport]).trim() || "currentcolor";
}
