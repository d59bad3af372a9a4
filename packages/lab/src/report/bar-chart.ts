/** Bars from the left, each with its name and its value above it. */
import { scaleLinear } from "d3-scale";
import type { LabTransport } from "./lab-result.js";
import { chartWidth, colourOf, type Drawing, element, textAt, wrapped } from "./svg.js";

export interface Bar {
  readonly transport: LabTransport;
  readonly name: string;
  /** Undefined where there is none, which is said. */
  readonly value: number | undefined;
  readonly label: string;
}

export interface BarChartOptions {
  readonly title: string;
  readonly subtitle: string;
  readonly bars: readonly Bar[];
  /** The value of a full bar. @default the greatest */
  readonly most?: number;
}

const margin = 4;
const rowHeight = 40;
const barHeight = 12;
/** Values that are there can be seen. */
const leastWidth = 2;

export function barChart({ title, subtitle, bars, most }: BarChartOptions): Drawing {
  const greatest = most ?? Math.max(0, ...bars.map(({ value }) => value ?? 0));
  const width = chartWidth - 2 * margin;
  const x = scaleLinear([0, greatest > 0 ? greatest : 1], [0, width]).clamp(true);
  const parts = [textAt(margin, 18, title, { class: "head" })];
  let y = 18;
  for (const line of wrapped(subtitle, 46)) {
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
      const style = `fill:${colourOf(transport)}`;
      parts.push(element("rect", { ...place, width: Math.max(leastWidth, x(value)), style }));
    }
    y += rowHeight;
  }
  const description = `${subtitle} ${bars.map(({ name, label }) => `${name}: ${label}`).join("; ")}.`;
  return { title, description, height: y + 6, body: parts.join("") };
}
