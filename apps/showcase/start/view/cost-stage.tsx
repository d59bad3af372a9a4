/** Scene 8: the three ways at the same time, as they happen and as they cost. */
import { useNow } from "../../shared/hooks.js";
import type { StageProps } from "../main.js";
import { type Lane, type Race, raceLetters, raceMs } from "../model/race.js";
import { formatBytes, formatMs, Note, Problem } from "./parts.js";

const lanes: readonly { lane: Lane; name: string }[] = [
  { lane: "poll", name: "Polling" },
  { lane: "long", name: "Long polling" },
  { lane: "line", name: "WebSocket" },
];

export function CostStage({ story }: StageProps) {
  const { race } = story;
  const isRunning = race?.state === "running";
  useNow(isRunning);
  return (
    <>
      <div class="stage-actions">
        <button type="button" class="button primary" disabled={isRunning} onClick={() => story.startRace()}>
          {race && !isRunning ? "Run all three again" : "Run all three"}
        </button>
        <progress aria-label="Time of the run" max={raceMs} value={race?.elapsedMs ?? 0} />
      </div>
      <div class="lanes">
        {lanes.map(({ lane, name }) => (
          <div key={lane} class={`lane ${lane}`}>
            <span class="lane-name">{name}</span>
            <LaneMarks race={race} lane={lane} />
          </div>
        ))}
      </div>
      <CostTable race={race} isRefused={story.isRefused} />
      <Note testId="cost-note">{race?.state === "over" ? verdict(race) : ""}</Note>
      <Problem text={race?.problem} />
    </>
  );
}

function LaneMarks({ race, lane }: { race: Race | undefined; lane: Lane }) {
  const marks = race?.resultOf(lane).marks ?? [];
  const at = (ms: number) => `${Math.min(100, Math.max(0, (ms / raceMs) * 100))}%`;
  return (
    <div
      class="lane-track"
      role="img"
      aria-label={`${marks.length} ${lane === "line" ? "frames" : "answers"}`}
    >
      {marks.map((mark, index) => (
        <span
          key={index}
          class={mark.hadNews ? "lane-mark news" : "lane-mark"}
          style={
            mark.from === undefined
              ? { left: at(mark.at) }
              : { left: at(mark.from), width: `calc(${at(mark.at - mark.from)} - 2px)` }
          }
        />
      ))}
    </div>
  );
}

function CostTable({ race, isRefused }: { race: Race | undefined; isRefused: boolean }) {
  const results = lanes.map(({ lane, name }) => ({ lane, name, result: race?.resultOf(lane) }));
  const most = Math.max(1, ...results.map(({ result }) => (result ? result.received + result.sent : 0)));
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on narrow screens, also with the keyboard alone
    <section class="table-scroll" tabIndex={0} aria-label="What each way cost">
      <table class="cost">
        <thead>
          <tr>
            <th scope="col">way</th>
            <th scope="col">requests</th>
            <th scope="col">bytes</th>
            <th scope="col">letters</th>
            <th scope="col">delay (median)</th>
          </tr>
        </thead>
        <tbody>
          {results.map(({ lane, name, result }) => {
            const bytes = result ? result.received + result.sent : 0;
            return (
              <tr key={lane} class={lane}>
                <th scope="row">{name}</th>
                <td data-testid={`cost-requests-${lane}`}>{result?.requests ?? "–"}</td>
                <td data-testid={`cost-bytes-${lane}`}>
                  <span class="cost-bar" style={{ width: `${(bytes / most) * 100}%` }} aria-hidden="true" />
                  {result ? formatBytes(bytes) : "–"}
                </td>
                <td data-testid={`cost-letters-${lane}`}>
                  {result ? `${result.letters} of ${raceLetters}` : "–"}
                </td>
                <td>{isRefused && lane === "line" ? "refused here" : formatMs(result?.medianDelay)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </section>
  );
}

function verdict(race: Race): string {
  const bytesOf = (lane: Lane) => {
    const { received, sent } = race.resultOf(lane);
    return received + sent;
  };
  const [poll, long, line] = [bytesOf("poll"), bytesOf("long"), bytesOf("line")];
  if (line === 0 || poll === 0) return "The server told no figures for all three; see above.";
  const handshake = "The WebSocket’s bytes include its handshake, which is paid once.";
  return `Here polling took ${(poll / line).toFixed(1)} times the bytes of the WebSocket, long polling ${(long / line).toFixed(1)} times. ${handshake}`;
}
