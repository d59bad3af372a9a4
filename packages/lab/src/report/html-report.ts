/** A run as one page without scripts: verdict, table, charts, and how it was measured. It loads nothing from anywhere. */
import { chartsOf } from "./charts.js";
import { classicClaim } from "./claim.js";
import { reportStyles } from "./html-style.js";
import { type LabResult, type LabTransport, transportWords } from "./lab-result.js";
import { method, settingLines } from "./method.js";
import { formatCount, formatMemory, formatMs, formatNumber, formatUsers } from "./numbers.js";
import { escaped } from "./svg.js";
import { tableOf } from "./table.js";
import { judge, type Verdict } from "./verdict.js";

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
<title>${escaped(`${verdict.title} – what each transport costs`)}</title>
<style>${reportStyles}</style>
</head>
<body>
${headOf(result, verdict)}
<main>
${claim ? `<p class="claim">${escaped(claim)}</p>` : ""}
${caveats(verdict)}
<h2>What each cost</h2>
${table(result, verdict.transport)}
${list(verdict.others.map(({ transport, line }) => `${transportWords[transport].title}: ${line}`))}
<h2>Drawn</h2>
<div class="charts">
${chartsOf(result)
  .map(({ svg }) => `<div class="card">${svg}</div>`)
  .join("\n")}
</div>
<div class="two">
<section><h2>Settings</h2>${definitions(settingLines(result))}</section>
<section><h2>Machine</h2>${definitions(machineLines(result))}</section>
</div>
<h2>How it was measured</h2>
${list(method(result))}
${opening(result)}
${errors(result)}
</main>
<footer><div>Holdfast ${escaped(result.version)}, holdfast lab, ${escaped(result.startedAt)}</div></footer>
</body>
</html>
`;
}

function headOf({ settings, isByBrowser }: LabResult, verdict: Verdict): string {
  const asked =
    `${isByBrowser ? "One browser" : formatUsers(settings.users)}, ${formatNumber(settings.perSecond)} messages a second of ${formatCount(settings.bytes)} bytes, ` +
    `news may be ${formatMs(settings.tolerableMs)} old${settings.isTwoWay ? ", clients send, too" : ""}.`;
  return `<header><div>
<p class="eyebrow">What each transport costs</p>
<h1>${escaped(verdict.title)}</h1>
<p class="asked">${escaped(asked)}</p>
${list(verdict.reasons)}
</div></header>`;
}

function caveats({ caveats: all }: Verdict): string {
  return all.length === 0 ? "" : `<div class="caveats"><strong>Mind</strong>${list(all)}</div>`;
}

function table(result: LabResult, chosen: LabTransport | null): string {
  const { heads, rows, notes, reference } = tableOf(result);
  const head = heads.map((lines) => `<th scope="col">${lines.map(escaped).join("<br>")}</th>`).join("");
  const body = rows.map(([name = "", ...cells], i) => {
    const isChosen = result.measurements[i]?.transport === chosen;
    const rest = cells.map((cell) => `<td>${escaped(cell)}</td>`).join("");
    return `<tr${isChosen ? ' class="chosen"' : ""}><th scope="row">${escaped(name)}</th>${rest}</tr>`;
  });
  const said = [...(reference ? [`Ratios are to ${reference}.`] : []), ...notes];
  return (
    `<div class="wide" role="region" aria-label="Table of costs" tabindex="0"><table><thead><tr>${head}</tr></thead>` +
    `<tbody>${body.join("\n")}</tbody></table></div><p class="note">${escaped(said.join(" "))}</p>`
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
      `${transportWords[transport].title}: ${formatMs(ms)} for ${formatUsers(users)}, ${formatMs(serverCpuMs / users)} of the ` +
      `server's processor and ${formatCount((bytesUp + bytesDown) / users)} bytes for each.`,
  );
  return lines.length === 0 ? "" : `<h2>What opening cost, apart from all above</h2>${list(lines)}`;
}

function errors({ measurements }: LabResult): string {
  const lines = measurements.flatMap(({ transport, errors: { count, first } }) =>
    count === 0 ? [] : [`${transportWords[transport].title}: ${count}, such as ${first.join("; ")}`],
  );
  return lines.length === 0 ? "" : `<h2>Errors</h2>${list(lines)}`;
}

function definitions(lines: readonly (readonly [string, string])[]): string {
  const body = lines.map(([term, value]) => `<dt>${escaped(term)}</dt><dd>${escaped(value)}</dd>`);
  return `<dl>${body.join("")}</dl>`;
}

function list(lines: readonly string[]): string {
  if (lines.length === 0) return "";
  return `<ul>${lines.map((line) => `<li>${escaped(line)}</li>`).join("\n")}</ul>`;
}
