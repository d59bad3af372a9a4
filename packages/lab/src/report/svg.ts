/** SVG as text: elements, escaping, and the colours of charts for light and dark. */
import type { LabTransport } from "./lab-result.js";

type Attributes = Readonly<Record<string, string | number>>;

export function element(name: string, attributes: Attributes, content = ""): string {
  const text = Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${typeof value === "number" ? round(value) : escapeXml(value)}"`)
    .join("");
  return content === "" ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`;
}

export function textAt(x: number, y: number, words: string, attributes: Attributes = {}): string {
  return element("text", { x, y, ...attributes }, escapeXml(words));
}

/** For texts and attributes of HTML and SVG; what XML cannot have becomes a replacement character. */
export function escapeXml(words: string): string {
  return (
    words
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replaceAll("'", "&#39;")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML 1.0 §2.2 leaves out
      .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, "\ufffd")
  );
}

export interface Drawing {
  readonly title: string;
  /** What is to be seen, for those who cannot. */
  readonly description: string;
  readonly height: number;
  readonly body: string;
}

/** Charts are drawn for the width of a phone, and grow with the place there is. */
export const chartWidth = 360;

/** @returns a document of its own, which can stand in HTML as well */
export function drawSvg({ title, description, height, body }: Drawing): string {
  const root = {
    xmlns: "http://www.w3.org/2000/svg",
    viewBox: `0 0 ${chartWidth} ${round(height)}`,
    class: "lab-chart",
    role: "img",
    "aria-label": `${title}. ${description}`,
  };
  const words = `<title>${escapeXml(title)}</title><desc>${escapeXml(description)}</desc>`;
  return element("svg", root, `${words}<style>${chartStyles}</style>${body}`);
}

/**
 * Okabe and Ito's colours that differ for all kinds of colour vision, darkened or lightened where text or paper needs it.
 * No chart depends on them alone: each bar has its name.
 */
const light: Readonly<Record<LabTransport, string>> = {
  poll: "#b8480c",
  "long-poll": "#c98a00",
  sse: "#00805d",
  "http-stream": "#4a9bc9",
  websocket: "#0b5f8f",
  "websocket-h2": "#a8568a",
};

const dark: Readonly<Record<LabTransport, string>> = {
  poll: "#ff9a60",
  "long-poll": "#f0c264",
  sse: "#3dbf97",
  "http-stream": "#8fd0f2",
  websocket: "#4fa8dd",
  "websocket-h2": "#dd9ac4",
};

/** The value of a fill. A page can set the variable to colours of its own. */
export function transportColour(transport: LabTransport): string {
  return `var(--lab-${transport})`;
}

const chartStyles = [
  `.lab-chart{--lab-ink:var(--ink,#14262a);--lab-soft:var(--ink-soft,#50605f);--lab-line:var(--line,#e0d9cb);${variables(light)}`,
  "font:13px system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif;width:100%;height:auto;display:block}",
  ".lab-chart text{fill:var(--lab-ink)}.lab-chart .soft{fill:var(--lab-soft)}.lab-chart .small{font-size:11px}",
  ".lab-chart .head{font-weight:600;font-size:15px}.lab-chart .value{font-variant-numeric:tabular-nums;text-anchor:end}",
  ".lab-chart .grid{stroke:var(--lab-line)}.lab-chart .track{fill:var(--lab-line);opacity:.55}",
  ".lab-chart .mark{stroke:var(--lab-ink);stroke-width:1.5}",
  "@media (prefers-color-scheme:dark){.lab-chart{--lab-ink:var(--ink,#e8eeea);--lab-soft:var(--ink-soft,#9fb2b0);",
  `--lab-line:var(--line,#31464a);${variables(dark)}}}`,
].join("");

function variables(colours: Readonly<Record<LabTransport, string>>): string {
  return Object.entries(colours)
    .map(([name, colour]) => `--lab-${name}:${colour};`)
    .join("");
}

/** Lines of so many characters at most, broken between words. */
export function wrapWords(words: string, maxCharacters: number): readonly string[] {
  const lines: string[] = [];
  for (const word of words.split(" ").filter(Boolean)) {
    const last = lines.at(-1);
    if (last !== undefined && `${last} ${word}`.length <= maxCharacters)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function round(value: number): string {
  return String(Math.round(value * 100) / 100);
}
