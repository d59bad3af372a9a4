/** A run while it goes on: its progress, and in this browser a card for each transport and the delays as they come. */
import { formatBytes, formatMs, formatPercent, transportInfo } from "@holdfast/lab/report";
import type { LabState, LiveRow } from "../model/lab.js";
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
  const share = tally.responses === 0 ? undefined : tally.emptyResponses / tally.responses;
  return (
    <li class={`panel lab-card ${transport}`} data-testid={`live ${transport}`}>
      <h3>{transportInfo[transport].title}</h3>
      <p class="lab-card-count">
        <strong>{tally.check.received}</strong> <span class="soft">{isOpen ? "received" : "opening"}</span>
      </p>
      <dl>
        <dt>last delay</dt>
        <dd>{last ? formatMs(last.latencyMs) : "–"}</dd>
        <dt>requests</dt>
        <dd>{tally.requests}</dd>
        <dt>empty responses</dt>
        <dd>{share === undefined ? "–" : `${tally.emptyResponses} (${formatPercent(share)})`}</dd>
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

export function Progress({ state }: { state: LabState }) {
  if (state.state === "idle") return null;
  const { share, text } = read(state);
  return (
    <div class="panel lab-progress">
      <p role="status">{text}</p>
      <progress value={share} max={1} aria-label="Progress" />
    </div>
  );
}

function read(state: Exclude<LabState, { state: "idle" }>): { share: number | undefined; text: string } {
  switch (state.state) {
    case "opening":
      return {
        share: undefined,
        text: state.kind === "browser" ? "Starting a server for each transport …" : "Starting …",
      };
    case "reading":
      return {
        share: state.share,
        text: state.share < 1 ? `Reading: ${state.published} published` : "Waiting for the last messages …",
      };
    case "measuring": {
      const { index, count, sample } = state;
      const share = (index + (sample?.progress ?? 0)) / count;
      if (!sample) return { share, text: "Starting …" };
      const { title } = transportInfo[sample.transport];
      return { share, text: `${title}, ${index + 1} of ${count}: ${sample.phase}, ${sample.opened} users` };
    }
  }
}
