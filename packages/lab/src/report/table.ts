/** The table of a run, as plain cells: for a terminal, Markdown and HTML alike. */
import { bytesPerUserMinute, emptyShare, isCorrect, requestsPerUserMinute } from "./figures.js";
import { type LabMeasurement, type LabResult, transportInfo } from "./lab-result.js";
import { formatBytes, formatCount, formatMs, formatNumber, formatPercent, formatRatio } from "./numbers.js";

export interface LabTable {
  /** Each line of a heading separately, so that narrow places can break it. */
  readonly heads: readonly (readonly string[])[];
  readonly rows: readonly (readonly string[])[];
  /** What everything is compared with. */
  readonly reference: string | undefined;
  readonly notes: readonly string[];
}

export function createTable(result: LabResult): LabTable {
  const { measurements, isByBrowser } = result;
  const table = wholeTable(measurements);
  if (!isByBrowser) return table;
  const without = <Cell>(cells: readonly Cell[]) => cells.filter((_, index) => index !== memoryColumn);
  return { ...table, heads: without(table.heads), rows: table.rows.map(without) };
}

const memoryColumn = 7;

function wholeTable(measurements: readonly LabMeasurement[]): LabTable {
  const socket = measurements.find(({ transport }) => transport === "websocket");
  const isBound = measurements.some(({ isLoadBound }) => isLoadBound);
  return {
    heads: [
      ["transport"],
      ["requests", "/user/min"],
      ["empty", "responses"],
      ["bytes", "/user/min"],
      ["ratio"],
      ["CPU", "of a core"],
      ["ratio"],
      ["KiB", "/user"],
      ["latency", "p50"],
      ["latency", "p99"],
      ["lost, dup.,", "misordered"],
    ],
    rows: measurements.map((each) => rowOf(each, socket)),
    reference: socket && transportInfo.websocket.title,
    notes: isBound
      ? [
          "* the load generator was busy, throughout or while messages arrived: these latencies are not only the server's",
        ]
      : [],
  };
}

function rowOf(each: LabMeasurement, socket: LabMeasurement | undefined): string[] {
  const { sequences, latency, server, memory, isLoadBound } = each;
  const empty = emptyShare(each);
  const mark = isLoadBound ? " *" : "";
  return [
    transportInfo[each.transport].title,
    formatNumber(requestsPerUserMinute(each)),
    empty === undefined ? "–" : formatPercent(empty),
    formatBytes(bytesPerUserMinute(each)),
    socket ? formatRatio(bytesPerUserMinute(each), bytesPerUserMinute(socket)) : "–",
    `${formatNumber(server.corePercent)} %`,
    socket ? formatRatio(server.corePercent, socket.server.corePercent) : "–",
    formatNumber(memory.kibPerUser),
    `${formatMs(latency.p50Ms)}${mark}`,
    `${formatMs(latency.p99Ms)}${mark}`,
    isCorrect(each)
      ? "none"
      : [sequences.missed, sequences.duplicates, sequences.outOfOrder].map(formatCount).join(", "),
  ];
}

/** The same for documents in Markdown. */
export function markdownTable(result: LabResult): string {
  const { heads, rows, notes } = createTable(result);
  const line = (cells: readonly string[]) => `| ${cells.map(escapeCell).join(" | ")} |`;
  const rule = `|${heads.map((_, i) => (i === 0 ? "---|" : "---:|")).join("")}`;
  const body = [line(heads.map((head) => head.join(" "))), rule, ...rows.map(line)].join("\n");
  return [body, ...notes.map((note) => `\n${note.replace("*", "\\*")}`)].join("\n");
}

function escapeCell(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll("*", "\\*");
}
