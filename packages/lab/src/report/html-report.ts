/** A run as one page without scripts: verdict, table, charts, and how it was measured. It loads nothing from anywhere. */
import { drawCharts } from "./charts.js";
import { type LabResult, type LabSettings, type LabTransport, transportInfo } from "./lab-result.js";
import { formatCount, formatMemory, formatMs, formatNumber, formatUsers } from "./numbers.js";
import { escapeXml } from "./svg.js";
import { createTable } from "./table.js";
import { judge, type Verdict } from "./verdict.js";
import { classicClaim } from "./verdict-words.js";

/** @returns a complete document */
export function htmlReport(result: LabResult): string {
  const verdict = judge(result.settings, result.measurements);
  const claim = classicClaim(result);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeXml(`${verdict.title} – what each transport costs`)}</title>
<style>${reportStyles}</style>
</head>
<body>
${headOf(result, verdict)}
<main>
${claim ? `<p class="claim">${escapeXml(claim)}</p>` : ""}
${caveats(verdict)}
<h2>Costs</h2>
${table(result, verdict.transport)}
${list(verdict.others.map(({ transport, line }) => `${transportInfo[transport].title}: ${line}`))}
<h2>Charts</h2>
<div class="charts">
${drawCharts(result)
  .map(({ svg }) => `<div class="card">${svg}</div>`)
  .join("\n")}
</div>
<div class="two">
<section><h2>Settings</h2>${definitions(describeSettings(result))}</section>
<section><h2>Machine</h2>${definitions(machineLines(result))}</section>
</div>
<h2>How it was measured</h2>
${list(method(result))}
${opening(result)}
${errors(result)}
</main>
<footer><div>Holdfast ${escapeXml(result.version)}, holdfast lab, ${escapeXml(result.startedAt)}</div></footer>
</body>
</html>
`;
}

function headOf({ settings, isByBrowser }: LabResult, verdict: Verdict): string {
  const asked =
    `${isByBrowser ? "One browser" : formatUsers(settings.users)}, ${formatNumber(settings.ratePerSecond)} messages a second of ${formatCount(settings.sizeBytes)} bytes, ` +
    `latency up to ${formatMs(settings.maxLatencyMs)} acceptable${settings.isTwoWay ? ", clients also send" : ""}.`;
  return `<header><div>
<p class="eyebrow">What each transport costs</p>
<h1>${escapeXml(verdict.title)}</h1>
<p class="asked">${escapeXml(asked)}</p>
${list(verdict.reasons)}
</div></header>`;
}

function caveats({ caveats: all }: Verdict): string {
  return all.length === 0 ? "" : `<div class="caveats"><strong>Caveats</strong>${list(all)}</div>`;
}

function table(result: LabResult, chosen: LabTransport | null): string {
  const { heads, rows, notes, reference } = createTable(result);
  const head = heads.map((lines) => `<th scope="col">${lines.map(escapeXml).join("<br>")}</th>`).join("");
  const body = rows.map(([name = "", ...cells], i) => {
    const isChosen = result.measurements[i]?.transport === chosen;
    const rest = cells.map((cell) => `<td>${escapeXml(cell)}</td>`).join("");
    return `<tr${isChosen ? ' class="chosen"' : ""}><th scope="row">${escapeXml(name)}</th>${rest}</tr>`;
  });
  const said = [...(reference ? [`Ratios are to ${reference}.`] : []), ...notes];
  return (
    `<div class="wide" role="region" aria-label="Table of costs" tabindex="0"><table><thead><tr>${head}</tr></thead>` +
    `<tbody>${body.join("\n")}</tbody></table></div><p class="note">${escapeXml(said.join(" "))}</p>`
  );
}

function machineLines({ machine, version }: LabResult): [string, string][] {
  return [
    ["Processor", `${machine.cpu}, ${machine.cores} cores`],
    ["Memory", formatMemory(machine.memoryBytes)],
    ["Node.js", `${machine.node}, ${machine.platform}`],
    ["Holdfast", version],
  ];
}

function opening({ measurements, isByBrowser }: LabResult): string {
  if (isByBrowser) return "";
  const lines = measurements.map(
    ({ transport, opening: { ms, serverCpuMs, bytesUp, bytesDown }, users }) =>
      `${transportInfo[transport].title}: ${formatMs(ms)} for ${formatUsers(users)}, ${formatMs(serverCpuMs / users)} of ` +
      `server CPU and ${formatCount((bytesUp + bytesDown) / users)} bytes each.`,
  );
  return lines.length === 0 ? "" : `<h2>Cost of connecting, not included above</h2>${list(lines)}`;
}

function errors({ measurements }: LabResult): string {
  const lines = measurements.flatMap(({ transport, errors: { count, first } }) =>
    count === 0 ? [] : [`${transportInfo[transport].title}: ${count}, such as ${first.join("; ")}`],
  );
  return lines.length === 0 ? "" : `<h2>Errors</h2>${list(lines)}`;
}

function definitions(lines: readonly (readonly [string, string])[]): string {
  const body = lines.map(([term, value]) => `<dt>${escapeXml(term)}</dt><dd>${escapeXml(value)}</dd>`);
  return `<dl>${body.join("")}</dl>`;
}

function list(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<ul>${lines.map((line) => `<li>${escapeXml(line)}</li>`).join("\n")}</ul>`;
}

export function describeSettings({ settings, isByBrowser }: LabResult): [string, string][] {
  const { delayMs, jitterMs, cutEveryMs, blocked } = settings;
  const network =
    delayMs > 0 || jitterMs > 0
      ? `${formatMs(delayMs)} ± ${formatMs(jitterMs)} each way`
      : "none (one machine)";
  return [
    isByBrowser ? ["Readers", "one browser"] : ["Users", formatCount(settings.users)],
    ["Polling", `every ${formatMs(settings.intervalMs)}`],
    [
      "Messages",
      `${formatNumber(settings.ratePerSecond)} a second, ${formatCount(settings.sizeBytes)} bytes each`,
    ],
    ["Window", formatMs(settings.durationMs)],
    ["Network", network],
    ["Connections are cut", cutEveryMs > 0 ? `after ${formatMs(cutEveryMs)}, on average` : "never"],
    ["Long poll waits", formatMs(settings.waitMs)],
    ["Acceptable latency", formatMs(settings.maxLatencyMs)],
    ["Clients also send", settings.isTwoWay ? "yes" : "no"],
    ["Blocked by the network", blocked.map((each) => transportInfo[each].title).join(", ") || "nothing"],
    ...(isByBrowser ? [] : ofVirtualUsers(settings)),
  ];
}

function ofVirtualUsers(settings: LabSettings): [string, string][] {
  return [
    ["Header fields", settings.headers === "browser" ? "as Chromium sends them" : "the fewest that work"],
    ["Seed", String(settings.seed)],
  ];
}

export function method({ settings, isByBrowser }: LabResult): string[] {
  return isByBrowser ? inBrowser(settings) : byVirtualUsers(settings);
}

function inBrowser({ delayMs, cutEveryMs }: LabSettings): string[] {
  return [
    "One browser read over all transports at once, each from its own server process with its log in memory. All servers " +
      "published the same messages at the same time.",
    "Bytes are counted on the servers' sockets: header fields, chunks and frames, but not TCP/IP headers. Connecting is not " +
      "counted; traffic while the last messages arrived is.",
    "Polls rely on the browser's cache for If-None-Match, so an empty response is a 304. Responses of a kilobyte or more are " +
      "compressed; streams and sockets are not. Messages are random letters, which compress by about a quarter.",
    "Latency runs from when a message was due, by the server's clock, which the browser compares with its own: the error is at most half " +
      "of the quickest of six round trips. The browser does other work besides reading.",
    "CPU time is that of each server process, for a single reader: figures are small and noisy.",
    "A reader that loses its connection reconnects with its position after 100 to 300 ms.",
    ...networkLines(delayMs, cutEveryMs),
  ];
}

function networkLines(delayMs: number, cutEveryMs: number): string[] {
  if (delayMs === 0 && cutEveryMs === 0) return [];
  return [
    "The network is simulated by a process between users and server: it delays bytes in order and new connections by one more " +
      "round trip, and resets connections. Bandwidth is unlimited, and no packets are lost.",
  ];
}

function byVirtualUsers({ headers, delayMs, cutEveryMs }: LabSettings): string[] {
  return [
    "One transport after the other. Server and users are separate processes on one machine, without TLS; the server keeps its log " +
      "in memory, without presence or WebSocket compression.",
    `Messages are random letters, which compress by about a quarter; what people write compresses more. ${
      headers === "browser"
        ? "Responses to polls of a kilobyte or more are compressed, as the server does for browsers; streams and sockets are not."
        : "Nothing is compressed, since requests do not ask for it."
    }`,
    "Every user has its own TCP connections, as every browser has. Bytes are counted on these sockets: header fields, chunks and " +
      "frames, including HTTP/2's, but not TCP/IP headers.",
    headers === "browser"
      ? "Requests carry the header fields of a page in Chromium, without cookies, which would add to each request."
      : "Requests carry only the header fields that the server needs; those of a browser are several times as long.",
    "Messages are published on a schedule, whatever comes back, over a separate connection that is not counted. Latency runs " +
      "from when a message was due, so that a slow server cannot hide.",
    "Publishing begins before the window and continues to its end; then readers get time to receive the rest. Each checks the " +
      "sequence numbers of all messages for missing, duplicated and misordered ones.",
    "CPU time and memory are those of the server process. They include handling what is published, which is the same for all.",
    "Each user polls at the interval, users spread evenly over it, with If-None-Match, so that an empty response is a " +
      "304. Keep-alive ends after five idle seconds; with a longer interval each poll opens a connection.",
    "A user that loses its connection reconnects with its position, after a short random backoff.",
    ...networkLines(delayMs, cutEveryMs),
    "Pings come every 25 s, so a short window may see none.",
  ];
}

/** How the report looks: sand and deep water, one warm accent. Every text and background pair is at least 4.5:1. */
const reportStyles = `
:root{color-scheme:light dark;--paper:#f6f3ec;--surface:#fffdf9;--ink:#14262a;--ink-soft:#50605f;--line:#e0d9cb;--accent:#b23f0c;
--deep:#0f3438;--deep-ink:#f3eee2;--deep-soft:#a9c2bf;--deep-accent:#ffa26b;--wait:#805006;--wait-tint:#faecc9;
--text:system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;
--display:"Iowan Old Style","Palatino Linotype",Palatino,"Book Antiqua","Noto Serif",Georgia,serif}
@media (prefers-color-scheme:dark){:root{--paper:#0e1618;--surface:#152124;--ink:#e8eeea;--ink-soft:#9fb2b0;--line:#31464a;
--accent:#ff9a60;--deep:#0a1113;--deep-ink:#e8eeea;--deep-soft:#93a8a6;--deep-accent:#ff9a60;--wait:#f0c264;--wait-tint:#33280f}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.55 var(--text)}
main,header>div,footer>div{max-width:72rem;margin:0 auto;padding:0 1rem}
header{background:var(--deep);color:var(--deep-ink);padding:2rem 0 2.25rem}
header p{margin:.5rem 0 0;max-width:46rem}
.eyebrow{color:var(--deep-accent);font-size:.8125rem;letter-spacing:.08em;text-transform:uppercase;margin:0 0 .75rem}
h1{font:600 clamp(1.75rem,5vw,2.75rem)/1.15 var(--display);margin:0;max-width:22em;text-wrap:balance}
h2{font:600 1.375rem/1.3 var(--display);margin:2.5rem 0 .75rem}
header .asked{color:var(--deep-soft)}
header ul{margin:1rem 0 0;padding-left:1.1rem;max-width:46rem}
li{margin:.35rem 0}
.claim{font:1.125rem/1.5 var(--display);border-left:3px solid var(--accent);margin:2rem 0;padding:.25rem 0 .25rem 1rem;max-width:44rem}
.caveats{background:var(--wait-tint);color:var(--ink);border-radius:.875rem;padding:.75rem 1rem;margin:1.5rem 0}
.caveats strong{color:var(--wait)}.caveats ul{margin:.25rem 0 0;padding-left:1.1rem}
.charts{columns:3 20rem;column-gap:1rem}
.card,.wide{background:var(--surface);border:1px solid var(--line);border-radius:.875rem}
.card{padding:.75rem .875rem;margin:0 0 1rem;break-inside:avoid}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.9375rem;font-variant-numeric:tabular-nums}
th,td{padding:.55rem .75rem;text-align:right;white-space:nowrap;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--ink-soft);font-weight:500;vertical-align:bottom;line-height:1.3}
th:first-child,td:first-child{text-align:left;position:sticky;left:0;background:var(--surface)}
tbody th{font-weight:600}
tr.chosen th,tr.chosen td{color:var(--accent)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.25rem 1rem;margin:0}
dt{color:var(--ink-soft)}dd{margin:0;overflow-wrap:anywhere}
.two{display:grid;gap:0 2.5rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr))}
.note{color:var(--ink-soft);font-size:.9375rem}
footer{border-top:1px solid var(--line);margin-top:3rem;padding:1.25rem 0 2rem;color:var(--ink-soft);font-size:.875rem}
@media (max-width:30rem){th,td{padding:.5rem .55rem}tbody th{white-space:normal}dl{grid-template-columns:1fr}dd{margin-bottom:.35rem}}
@media print{header{background:none;color:inherit}}
`;
