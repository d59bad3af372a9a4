/** Draws charts with uPlot. Loaded by itself, so that nothing waits for it, and no other page has it. */
import "uplot/dist/uPlot.min.css";
import UPlot from "uplot";
import type { Columns } from "../model/series.js";

export interface Line {
  readonly label: string;
  /** A custom property of the page. */
  readonly colour: string;
  readonly isFilled?: boolean;
  /** Tells it from another one without a colour. */
  readonly isDashed?: boolean;
}

export interface ChartSpec {
  readonly lines: readonly Line[];
  /** Of a value, at the axis. */
  readonly format: (value: number) => string;
  readonly height: number;
  /** Fixed ends of the axis of values; undefined for what fits. */
  readonly range?: readonly [number, number];
  /** Whether the values at the pointer are told. */
  readonly hasLegend?: boolean;
}

export interface Drawn {
  setData(columns: Columns): void;
  close(): void;
}

const font = '12px "Holdfast Text", system-ui, sans-serif';
/** Half a time of day, which may stand at the very end of the axis. */
const paddingRight = 26;

/** Follows the width of its place, and the colours of the page. */
export function drawChart(host: HTMLElement, spec: ChartSpec, first: Columns): Drawn {
  let columns = first;
  let plot = create(host, spec, columns);
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  const redraw = () => {
    plot.destroy();
    plot = create(host, spec, columns);
  };
  const observer = new ResizeObserver(() => {
    if (host.clientWidth !== plot.width) plot.setSize({ width: host.clientWidth, height: spec.height });
  });
  scheme.addEventListener("change", redraw);
  observer.observe(host);
  return {
    setData(next) {
      columns = next;
      plot.setData(next as UPlot.AlignedData);
    },
    close() {
      observer.disconnect();
      scheme.removeEventListener("change", redraw);
      plot.destroy();
    },
  };
}

function create(host: HTMLElement, spec: ChartSpec, columns: Columns): UPlot {
  const style = getComputedStyle(host);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis: UPlot.Axis = {
    ...{ font, stroke: colour("--ink-soft") },
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { show: false },
  };
  const { lines, format, height, range, hasLegend = false } = spec;
  return new UPlot(
    {
      ...{ width: host.clientWidth, height },
      padding: [null, paddingRight, null, null],
      legend: { show: hasLegend },
      // Without a pointer there is nothing that it could tell.
      hooks: { setCursor: [({ cursor }) => host.classList.toggle("has-pointer", cursor.idx != null)] },
      cursor: hasLegend ? { y: false, points: { size: 7 } } : { show: false },
      scales: { x: { time: true }, y: range ? { range: [range[0], range[1]] } : {} },
      axes: [
        { ...axis, size: 30, space: 80, values: (_, splits) => splits.map(formatTime) },
        { ...axis, size: 58, space: 30, values: (_, splits) => splits.map(format) },
      ],
      series: [
        { label: "Time", value: (_, value) => (value === null ? "–" : formatTime(value)) },
        ...lines.map(({ label, colour: name, isFilled = false, isDashed = false }) => ({
          ...{ label, stroke: colour(name), width: 2, points: { show: false } },
          ...(isDashed && { dash: [5, 4] }),
          ...(isFilled && { fill: `color-mix(in srgb, ${colour(name)} 12%, transparent)` }),
          value: (_: UPlot, value: number | null) => (value === null ? "–" : format(value)),
        })),
      ],
    },
    columns as UPlot.AlignedData,
    host,
  );
}

const clock = new Intl.DateTimeFormat(undefined, {
  ...{ hour: "2-digit", minute: "2-digit", second: "2-digit" },
  hourCycle: "h23",
});

function formatTime(seconds: number): string {
  return clock.format(seconds * 1000);
}
