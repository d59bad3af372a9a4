/** A panel of lines over two axes, each with its name at its end instead of a legend. */
import { type Scale, shortNumber } from "./scale.js";
import { element, margin, type Panel, type SeriesClass, text, width } from "./svg.js";

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
  const parts = [text(margin, 18, heading, { class: "heading" })];
  for (const tick of y.ticks) {
    const at = bottom - y.at(tick);
    parts.push(element("line", { class: "grid", x1: left, x2: right, y1: at, y2: at }));
    parts.push(text(left - 8, at + 6, formatY(tick), { class: "muted", "text-anchor": "end" }));
  }
  for (const tick of x.ticks)
    parts.push(
      text(left + x.at(tick), bottom + 24, shortNumber(tick), { class: "muted", "text-anchor": "middle" }),
    );
  parts.push(text((left + right) / 2, bottom + 48, xTitle, { class: "muted", "text-anchor": "middle" }));
  for (const mark of marks) {
    const at = left + x.at(mark.x);
    parts.push(element("line", { class: "mark", x1: at, x2: at, y1: top, y2: bottom }));
    parts.push(text(at + 6, top + 14, mark.name, { class: "small muted" }));
  }
  const ends = lines.map(({ points }) => placeOf(points.at(-1) ?? [0, 0])[1]);
  const labels = spread(ends, labelGap, top + 6, bottom + 6);
  for (const [i, { name, series, points }] of lines.entries()) {
    const places = points.map(placeOf);
    const path = places.map((place) => place.map((each) => each.toFixed(1)).join(",")).join(" ");
    parts.push(element("polyline", { class: `line ${series}`, points: path }));
    const [endX, endY] = places.at(-1) ?? [left, bottom];
    parts.push(element("circle", { class: series, cx: endX, cy: endY, r: 5 }));
    parts.push(text(right + 14, (labels[i] as number) + 6, name, { class: series }));
    if (right - endX > 12)
      parts.push(
        element("line", { class: "mark", x1: endX + 8, y1: endY, x2: right + 8, y2: labels[i] as number }),
      );
  }
  return { height: bottom + 64, body: parts.join("\n") };
}

/** Moves places apart so that each is `gap` from the next, as near to where they were as the order allows. */
export function spread(places: readonly number[], gap: number, least: number, most: number): number[] {
  const order = places.map((_, i) => i).sort((a, b) => (places[a] as number) - (places[b] as number));
  const moved = [...places];
  let floor = least;
  for (const i of order) {
    moved[i] = Math.max(floor, moved[i] as number);
    floor = (moved[i] as number) + gap;
  }
  let ceiling = most;
  for (const i of order.reverse()) {
    moved[i] = Math.min(ceiling, moved[i] as number);
    ceiling = (moved[i] as number) - gap;
  }
  return moved;
}
