/** A panel of lines over two axes, linear or logarithmic, each line with its name at its end instead of a legend. */
import { element, textAt } from "@holdfast/lab/report";
import { margin, type Panel, type SeriesClass, width } from "./plot-document.js";

export interface Line {
  readonly name: string;
  readonly series: SeriesClass;
  /** Ascending by x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface LinesOptions {
  readonly heading: string;
  readonly lines: readonly Line[];
  /** What the horizontal axis says, with its unit. */
  readonly xTitle: string;
  readonly x: (pixels: number) => Scale;
  readonly y: (pixels: number) => Scale;
  /** Vertical lines, each with its name. */
  readonly marks?: readonly { readonly x: number; readonly name: string }[];
  readonly formatY?: (value: number) => string;
}

const top = 40;
const plotHeight = 270;
const left = margin + 62;
const right = width - 178;
const labelGap = 20;

export function linesPanel(options: LinesOptions): Panel {
  const { heading, lines, xTitle, marks = [], formatY = shortNumber } = options;
  const x = options.x(right - left);
  const y = options.y(plotHeight);
  const bottom = top + plotHeight;
  const placeOf = ([px, py]: readonly [number, number]) => [left + x.at(px), bottom - y.at(py)] as const;
  const parts = [textAt(margin, 18, heading, { class: "heading" })];
  for (const tick of y.ticks) {
    const at = bottom - y.at(tick);
    parts.push(element("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
    parts.push(textAt(left - 8, at + 6, formatY(tick), { class: "muted", "text-anchor": "end" }));
  }
  for (const tick of x.ticks)
    parts.push(
      textAt(left + x.at(tick), bottom + 24, shortNumber(tick), { class: "muted", "text-anchor": "middle" }),
    );
  parts.push(textAt((left + right) / 2, bottom + 48, xTitle, { class: "muted", "text-anchor": "middle" }));
  for (const mark of marks) {
    const at = left + x.at(mark.x);
    parts.push(element("line", { class: "mark", x1: at, x2: at, y1: top, y2: bottom }));
    parts.push(textAt(at + 6, top + 14, mark.name, { class: "small muted" }));
  }
  const ends = lines.map(({ points }) => placeOf(points.at(-1) ?? [0, 0])[1]);
  const labels = spread(ends, labelGap, top + 6, bottom + 6);
  for (const [i, { name, series, points }] of lines.entries()) {
    const places = points.map(placeOf);
    const path = places.map((place) => place.map((each) => each.toFixed(1)).join(",")).join(" ");
    parts.push(element("polyline", { class: `line ${series}`, points: path }));
    const [endX, endY] = places.at(-1) ?? [left, bottom];
    parts.push(element("circle", { class: series, cx: endX, cy: endY, r: 5 }));
    parts.push(textAt(right + 14, (labels[i] as number) + 6, name, { class: series }));
    if (right - endX > 12)
      parts.push(
        element("line", { class: "mark", x1: endX + 8, y1: endY, x2: right + 8, y2: labels[i] as number }),
      );
  }
  return { height: bottom + 64, body: parts.join("\n") };
}

/** Moves places apart so that each is `gap` from the next, as near to where they were as the order allows. */
export function spread(places: readonly number[], gap: number, min: number, max: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] as number) - (places[b] as number));
  const moved = [...places];
  let floor = min;
  for (const i of order) {
    moved[i] = Math.max(floor, moved[i] as number);
    floor = (moved[i] as number) + gap;
  }
  let ceiling = max;
  for (const i of order.reverse()) {
    moved[i] = Math.min(ceiling, moved[i] as number);
    ceiling = (moved[i] as number) - gap;
  }
  return moved;
}

export interface Scale {
  /** @returns pixels from the axis's beginning */
  at(value: number): number;
  readonly ticks: readonly number[];
}

/** From 0 to a round value at or above `most`. @param ticks about so many */
export function linearScale(most: number, pixels: number, ticks = 5): Scale {
  const step = roundStep(Math.max(most, Number.MIN_VALUE) / ticks);
  const count = Math.max(1, Math.ceil(most / step - 1e-9));
  const end = step * count;
  return {
    at: (value) => (value / end) * pixels,
    ticks: Array.from({ length: count + 1 }, (_, i) => Number((step * i).toPrecision(12))),
  };
}

/** Between powers of ten around the values, all of which are above 0. A tick at each power, and at 2 and 5 where there is room. */
export function logScale(min: number, max: number, pixels: number): Scale {
  const steps = [1, 2, 5];
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(min)); power <= Math.ceil(Math.log10(max)); power++)
    for (const step of steps) all.push(Number((step * 10 ** power).toPrecision(12)));
  const from = all.findLastIndex((tick) => tick <= min * (1 + 1e-9));
  const to = all.findIndex((tick) => tick >= max * (1 - 1e-9));
  const used = all.slice(Math.max(0, from), Math.max(to, from + 1) + 1);
  const [first, last] = [Math.log10(used[0] as number), Math.log10(used.at(-1) as number)];
  const isDense = used.length > maxLogTicks;
  return {
    at: (value) => ((Math.log10(value) - first) / (last - first)) * pixels,
    ticks: isDense ? used.filter((tick) => Number.isInteger(Math.round(Math.log10(tick) * 1e9) / 1e9)) : used,
  };
}

const maxLogTicks = 8;

/** 0.0035 → "0.0035", 12000 → "12k", 1500000 → "1.5M" */
export function shortNumber(value: number): string {
  if (value >= 1e6) return `${trimmed(value / 1e6)}M`;
  if (value >= 1e4) return `${trimmed(value / 1e3)}k`;
  if (value >= 1000) return value.toLocaleString("en-US", { maximumFractionDigits: 0 });
  return trimmed(value);
}

function trimmed(value: number): string {
  return String(Number(value.toPrecision(3)));
}

/** 1, 2 or 5 times a power of ten, at or above. */
function roundStep(atLeast: number): number {
  const power = 10 ** Math.floor(Math.log10(atLeast));
  const factor = [1, 2, 5, 10].find((each) => each * power >= atLeast * (1 - 1e-9)) ?? 10;
  return factor * power;
}
