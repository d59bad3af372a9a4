/** SVG as text: the document with its colours for light and dark, and the few elements that plots are made of. */

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

type Attributes = Readonly<Record<string, string | number>>;

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

export function element(name: string, attributes: Attributes, content = ""): string {
  const text = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? rounded(value) : escaped(value)}"`)
    .join("");
  return content === "" ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`;
}

export function text(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escaped(words));
}

export function group(x: number, y: number, content: string): string {
  return element("g", { transform: `translate(${rounded(x)} ${rounded(y)})` }, content);
}

export function drawDocument({ title, subtitle, panels, footer }: PlotDocument): string {
  const subtitleLines = wrapped(subtitle, 78);
  let y = 46;
  const parts = [text(margin, y, title, { class: "title" })];
  for (const line of subtitleLines) {
    y += 24;
    parts.push(text(margin, y, line, { class: "muted" }));
  }
  y += 22;
  for (const panel of panels) {
    parts.push(group(0, y, panel.body));
    y += panel.height;
  }
  for (const line of wrapped(footer, 84)) {
    y += 20;
    parts.push(text(margin, y, line, { class: "small muted" }));
  }
  const height = y + margin;
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${width} ${rounded(height)}`,
    width,
    height,
    role: "img",
    "aria-label": `${title}. ${subtitle}`,
  };
  const background = element("rect", { class: "background", width, height, rx: 8 });
  return `${element("svg", root, `\n<style>${styles()}</style>\n${[background, ...parts].join("\n")}\n`)}\n`;
}

export function escaped(words: string): string {
  return words
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** Lines of so many characters at most, broken between words. */
export function wrapped(words: string, mostCharacters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words.split(" ").filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= mostCharacters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
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

function rounded(value: number): string {
  return String(Math.round(value * 100) / 100);
}
