/** Draws the delays of a run with uPlot: a file of its own, which is loaded with the first run. */
import { type LabTransport, transportInfo } from "@holdfast/lab/report";
import uPlot from "uplot";
import type { LiveRow } from "../model/lab.js";

const leastMs = 0.1;
const font = '12px "Holdfast Text", system-ui, sans-serif';

export interface DrawnDelays {
  update(rows: readonly LiveRow[]): void;
  close(): void;
}

export function drawDelays(element: HTMLElement, rows: readonly LiveRow[], height: number): DrawnDelays {
  const made = create(element, rows, height);
  const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }));
  observer.observe(element);
  return {
    update: (next) => made.setData(toColumns(next)),
    close() {
      observer.disconnect();
      made.destroy();
    },
  };
}

function create(element: HTMLElement, rows: readonly LiveRow[], height: number): uPlot {
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
        { font, stroke: ink, grid, values: (_, splits) => splits.map((each) => `${each} s`) },
        {
          font,
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

function colourOf(transport: LabTransport, style: CSSStyleDeclaration): string {
  return style.getPropertyValue(names[transport]).trim() || "currentcolor";
}
