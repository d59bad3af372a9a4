/** A plot as SVG: the document with its colours for light and dark, and panels of bars. */
import { element, textAt, wrapWords } from "@holdfast/lab/report";

/** Panels of a plot, from top to bottom. */
export interface Panel {
  readonly height: number;
  /** Elements, with the panel's upper left corner at 0,0. */
  readonly body: string;
}

export interface PlotDocument {
  readonly title: string;
  /** Below the title. */
  readonly subtitle: string;
  readonly panels: readonly Panel[];
  /** On what, and when it was measured. */
  readonly footer: string;
}

/** Shown at half of it, on a phone, text can still be read. */
export const width = 720;
export const margin = 20;

const lightColours = {
  background: "#ffffff",
  text: "#1f2328",
  muted: "#59636e",
  grid: "#d1d9e0",
  s0: "#0b5cad",
  s1: "#3d8fe0",
  s2: "#7a5bc7",
  s3: "#c2570c",
  s4: "#2c7a4b",
  s5: "#a02c6d",
  s6: "#6b6b6b",
};

const darkColours: typeof lightColours = {
  background: "#0d1117",
  text: "#e6edf3",
  muted: "#9198a1",
  grid: "#30363d",
  s0: "#58a6ff",
  s1: "#9ccbff",
  s2: "#b69cff",
  s3: "#f0883e",
  s4: "#56d364",
  s5: "#f778ba",
  s6: "#a0a0a0",
};

export const seriesClasses = ["s0", "s1", "s2", "s3", "s4", "s5", "s6"] as const;
export type SeriesClass = (typeof seriesClasses)[number];

function group(x: number, y: number, content: string): string {
  return element("g", { transform: `translate(${x} ${y})` }, content);
}

export function drawDocument({ title, subtitle, panels, footer }: PlotDocument): string {
  const subtitleLines = wrapWords(subtitle, 78);
  let y = 46;
  const parts = [textAt(margin, y, title, { class: "title" })];
  for (const line of subtitleLines) {
    y += 24;
    parts.push(textAt(margin, y, line, { class: "muted" }));
  }
  y += 22;
  for (const panel of panels) {
    parts.push(group(0, y, panel.body));
    y += panel.height;
  }
  for (const line of wrapWords(footer, 84)) {
    y += 20;
    parts.push(textAt(margin, y, line, { class: "small muted" }));
  }
  const height = y + margin;
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${height}`,
    width,
    height,
    role: "img",
    "aria-label": `${title}. ${subtitle}`,
  };
  const background = element("rect", { class: "background", width, height, rx: 8 });
  return `${element("svg", root, `\n<style>${styles()}</style>\n${[background, ...parts].join("\n")}\n`)}\n`;
}

function styles(): string {
  const rules = (colours: typeof lightColours) => {
    const series = seriesClasses.map(
      (name) =>
        `.${name}{fill:${colours[name]}}.line.${name}{fill:none;stroke:${colours[name]};stroke-width:3}`,
    );
    return (
      `.background{fill:${colours.background}}text{fill:${colours.text}}.muted{fill:${colours.muted}}` +
      `.grid{stroke:${colours.grid}}.mark{stroke:${colours.muted};stroke-dasharray:6 5}${series.join("")}`
    );
  };
  return (
    "text{font:17px system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}.title{font-size:23px;font-weight:600}" +
    ".heading{font-weight:600}.small{font-size:14px}.line{stroke-linejoin:round}" +
    `${rules(lightColours)}@media (prefers-color-scheme:dark){${rules(darkColours)}}`
  );
}

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
    const parts = [textAt(start - 8, baseline, name, { "text-anchor": "end" })];
    if (value !== undefined)
      parts.push(element("rect", { class: series, x: start, y, width: length, height: barHeight, rx: 3 }));
    parts.push(textAt(start + length + 8, baseline, label, value === undefined ? { class: "muted" } : {}));
    return parts.join("");
  });
  return {
    height: headingHeight + bars.length * rowHeight + 14,
    body: [textAt(margin, 18, heading, { class: "heading" }), ...rows].join("\n"),
  };
}

export function missingBars(missing: readonly string[] = []): readonly Bar[] {
  return missing.map((name) => ({ name, series: "s6", value: undefined, label: "not installed" }));
}
