/** A run in this browser while it goes on: a card for each transport, and its delays as they come. */
import { formatBytes, formatMs, formatPercent, transportWords } from "@holdfast/lab/report";
import type { LiveRow } from "../model/lab.js";
import { DelayChart } from "./delay-chart.js";

export function LiveTable({ rows }: { rows: readonly LiveRow[] }) {
  return (
    <>
      <ul class="lab-cards" aria-label="Readers of this browser">
        {rows.map((row) => (
          <LiveCard key={row.transport} row={row} />
        ))}
      </ul>
      <DelayChart rows={rows} />
    </>
  );
}

function LiveCard({ row }: { row: LiveRow }) {
  const { transport, tally, isOpen, use } = row;
  const last = tally.points.at(-1);
  const share = tally.answers === 0 ? undefined : tally.emptyAnswers / tally.answers;
  return (
    <li class={`panel lab-card ${transport}`} data-testid={`live ${transport}`}>
      <h3>{transportWords[transport].title}</h3>
      <p class="lab-card-count">
        <strong>{tally.check.received}</strong> <span class="soft">{isOpen ? "received" : "opening"}</span>
      </p>
      <dl>
        <dt>last delay</dt>
        <dd>{last ? formatMs(last.latencyMs) : "–"}</dd>
        <dt>requests</dt>
        <dd>{tally.requests}</dd>
        <dt>empty answers</dt>
        <dd>{share === undefined ? "–" : `${tally.emptyAnswers} (${formatPercent(share)})`}</dd>
        <dt>bytes up</dt>
        <dd>{use ? formatBytes(use.bytesUp) : "–"}</dd>
        <dt>bytes down</dt>
        <dd>{use ? formatBytes(use.bytesDown) : "–"}</dd>
        <dt>server CPU</dt>
        <dd>{use ? formatMs(use.cpuMs) : "–"}</dd>
      </dl>
    </li>
  );
}
