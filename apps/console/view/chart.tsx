/** One measure: its figure now, and its line over up to a quarter of an hour. The pointer reads values off the line. */
import { useRef, useState } from "preact/hooks";
import { formatTime } from "../model/format.js";
import { minutesOf, type Point, shapeOf } from "../model/load.js";

export interface ChartProps {
  title: string;
  points: readonly Point[];
  format: (value: number) => string;
  /** What the figure means, in a few words. */
  hint: string;
  isBad?: boolean;
  testId: string;
}

const [width, height] = [300, 64];

export function Chart({ title, points, format, hint, isBad = false, testId }: ChartProps) {
  const minutes = minutesOf(points);
  const spanMs = minutes * 60_000;
  const [pointed, setPointed] = useState<number>();
  const plot = useRef<SVGSVGElement>(null);
  const { line, area, max } = shapeOf(points, { width, height, spanMs });
  const newest = points.at(-1);
  const read = pointed === undefined ? undefined : pointAt(points, pointed, spanMs);
  const point = (event: PointerEvent) => {
    const box = plot.current?.getBoundingClientRect();
    if (box && box.width > 0) setPointed((event.clientX - box.left) / box.width);
  };
  const value = newest === undefined ? "–" : format(newest.value);
  const label = `${title} over the last ${minutes === 1 ? "minute" : `${minutes} minutes`}: now ${value}, at most ${format(max)}`;
  return (
    <figure class={`panel chart ${isBad ? "bad" : ""}`} data-testid={testId}>
      <figcaption>
        <span class="chart-title">{title}</span>
        <span class="chart-value">{read ? format(read.value) : value}</span>
        <span class="chart-hint">{read ? `at ${formatTime(read.at, Date.now())}` : hint}</span>
      </figcaption>
      <svg
        ref={plot}
        class="chart-plot"
        viewBox={`0 0 ${width} ${height}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={label}
        onPointerMove={point}
        onPointerLeave={() => setPointed(undefined)}
      >
        <polygon class="chart-area" points={area} />
        <polyline class="chart-line" points={line} />
        {read && <line class="chart-at" x1={read.x} x2={read.x} y1={0} y2={height} />}
      </svg>
      <p class="chart-scale" aria-hidden="true">
        <span>{minutes} min</span>
        <span>peak {format(max)}</span>
        <span>now</span>
      </p>
    </figure>
  );
}

/** The point next to a place from 0 (left) to 1. */
function pointAt(
  points: readonly Point[],
  place: number,
  spanMs: number,
): (Point & { readonly x: number }) | undefined {
  const end = points.at(-1)?.at;
  if (end === undefined) return undefined;
  const time = end - spanMs * (1 - place);
  const nearest = points.reduce((best, each) =>
    Math.abs(each.at - time) < Math.abs(best.at - time) ? each : best,
  );
  return { ...nearest, x: width * (1 - (end - nearest.at) / spanMs) };
}
