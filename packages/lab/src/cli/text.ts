/** The result of a run as text for a terminal. */
import Table from "cli-table3";
import {
  classicClaim,
  createTable,
  judge,
  type LabResult,
  type LabTransport,
  transportInfo,
  type Verdict,
} from "../report/index.js";

/** Names that leave room for the figures: the table has to fit 100 columns. */
const shortTitles: Readonly<Record<LabTransport, string>> = {
  poll: "poll",
  "long-poll": "long poll",
  sse: "SSE",
  "http-stream": "HTTP stream",
  websocket: "WebSocket",
  "websocket-h2": "WebSocket/2",
};

const maxColumns = 100;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what colours begin with
const colours = /\u001b\[[0-9;]*m/g;

/** @param columns that the terminal has; text is broken at 100 at most */
export function labText(result: LabResult, columns: number): string {
  const width = Math.max(40, Math.min(maxColumns, columns));
  const verdict = judge(result.settings, result.measurements);
  const claim = classicClaim(result);
  const parts = [drawTable(result), verdictText(verdict, width)];
  if (claim !== undefined) parts.push(breakLines(claim, width).join("\n"));
  return `\n${parts.join("\n\n")}`;
}

/** With one space between columns where two would be too wide. */
function drawTable(result: LabResult): string {
  const roomy = drawWithGap(result, "  ");
  const isTooWide = roomy
    .replace(colours, "")
    .split("\n")
    .some((line) => line.length > maxColumns);
  return isTooWide ? drawWithGap(result, " ") : roomy;
}

function drawWithGap(result: LabResult, gap: string): string {
  const { heads, rows, notes, reference } = createTable(result);
  const table = new Table({
    head: heads.map((lines) => lines.join("\n")),
    colAligns: heads.map((_, i) => (i === 0 ? "left" : "right")),
    style: {
      head: [],
      border: process.stdout.isTTY ? ["grey"] : [],
      "padding-left": 0,
      "padding-right": 0,
      compact: true,
    },
    chars: {
      top: "",
      "top-mid": "",
      "top-left": "",
      "top-right": "",
      bottom: "",
      "bottom-mid": "",
      "bottom-left": "",
      "bottom-right": "",
      left: "",
      right: "",
      "left-mid": "",
      "right-mid": "",
      mid: "─",
      "mid-mid": "─",
      middle: gap,
    },
  });
  for (const [i, [, ...cells]] of rows.entries()) {
    const transport = result.measurements[i]?.transport as LabTransport;
    table.push([shortTitles[transport], ...cells]);
  }
  const footnotes = [...(reference ? [`Ratios are to ${shortTitles.websocket}.`] : []), ...notes];
  return [table.toString(), ...footnotes].join("\n");
}

function verdictText({ title, reasons, caveats, others }: Verdict, width: number): string {
  const item = (line: string) =>
    breakLines(line, width - 4).map((each, i) => (i === 0 ? `  - ${each}` : `    ${each}`));
  const lines = [`Verdict: ${title}`, ...reasons.flatMap(item)];
  if (caveats.length > 0) lines.push("Caveats:", ...caveats.flatMap(item));
  if (others.length > 0)
    lines.push(
      "Others:",
      ...others.flatMap(({ transport, line }) => item(`${transportInfo[transport].title}: ${line}`)),
    );
  return lines.join("\n");
}

const noBreakSpace = "\u00a0";

/** Breaks text between words, but not between a number and its unit. */
function breakLines(text: string, width: number): string[] {
  const lines: string[] = [];
  const joined = text.replace(/(\d) (?=(?:%|ms|s|min|B|kB|MB|GB)(?:\W|$))/g, `$1${noBreakSpace}`);
  for (const word of joined.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines.map((line) => line.replaceAll(noBreakSpace, " "));
}
