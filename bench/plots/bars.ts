/** A panel of horizontal bars, each with its name before it and its value behind it. */
import { element, margin, type Panel, type SeriesClass, text, width } from "./svg.js";

export interface Bar {
  readonly name: string;
  readonly series: SeriesClass;
  /** Undefined where there is nothing to draw; `label` says why. */
  readonly value: number | undefined;
  readonly label: string;
}

export interface BarsOptions {
  readonly heading: string;
  readonly bars: readonly Bar[];
  /** The value that fills the panel. @default the greatest */
  readonly most?: number;
}

const headingHeight = 34;
const rowHeight = 32;
const barHeight = 22;
const namesWidth = 165;
const labelsWidth = 205;

export function barsPanel({ heading, bars, most }: BarsOptions): Panel {
  const greatest = most ?? Math.max(...bars.map(({ value }) => value ?? 0));
  const start = margin + namesWidth;
  const pixels = width - margin - labelsWidth - start;
  const rows = bars.map(({ name, series, value, label }, i) => {
    const y = headingHeight + i * rowHeight;
    const length = value === undefined ? 0 : Math.max(2, (value / greatest) * pixels);
    const baseline = y + barHeight - 5;
    const parts = [text(start - 8, baseline, name, { "text-anchor": "end" })];
    if (value !== undefined)
      parts.push(element("rect", { class: series, x: start, y, width: length, height: barHeight, rx: 3 }));
    parts.push(text(start + length + 8, baseline, label, value === undefined ? { class: "muted" } : {}));
    return parts.join("");
  });
  return {
    height: headingHeight + bars.length * rowHeight + 14,
    body: [text(margin, 18, heading, { class: "heading" }), ...rows].join("\n"),
  };
}
