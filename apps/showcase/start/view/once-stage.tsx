/** Scene 9: the same data loaded once, over plain HTTP and over a WebSocket opened for it. */
import type { StageProps } from "../main.js";
import type { Load } from "../model/story.js";
import { formatBytes, formatMs, Note, Problem } from "./parts.js";

export function OnceStage({ story }: StageProps) {
  const { isLoading, isRefused } = story;
  const [http, again, line] = [story.loadOf("http"), story.loadOf("again"), story.loadOf("line")];
  return (
    <>
      <div class="stage-actions">
        <button
          type="button"
          class="button primary"
          disabled={isLoading}
          onClick={() => void story.loadBothWays()}
        >
          {isLoading ? "Loading" : "Load your letters once, each way"}
        </button>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls on narrow screens, also with the keyboard alone */}
      <section class="table-scroll" tabIndex={0} aria-label="What loading once cost">
        <table class="cost">
          <thead>
            <tr>
              <th scope="col">way</th>
              <th scope="col">bytes</th>
              <th scope="col">took</th>
              <th scope="col">afterwards</th>
            </tr>
          </thead>
          <tbody>
            <Row id="http" name="HTTP" load={http} after="nothing stays open for it" />
            <Row id="again" name="HTTP, unchanged since" load={again} after="304: the page has it already" />
            <Row
              id="line"
              name="WebSocket"
              load={line}
              after={isRefused ? "refused here" : "a line to keep, or to close again"}
            />
          </tbody>
        </table>
      </section>
      <Note testId="once-note">{verdict(http, line)}</Note>
      <Problem text={story.problem} />
    </>
  );
}

function Row({ id, name, load, after }: { id: string; name: string; load: Load | undefined; after: string }) {
  return (
    <tr class={id === "line" ? "line" : "poll"}>
      <th scope="row">{name}</th>
      <td data-testid={`once-bytes-${id}`}>
        {load ? formatBytes(load.tally.received + load.tally.sent) : "–"}
      </td>
      <td>{formatMs(load?.tookMs)}</td>
      <td class="soft">{after}</td>
    </tr>
  );
}

function verdict(http: Load | undefined, line: Load | undefined): string {
  if (http === undefined || line === undefined) return "";
  const [plain, socket] = [http, line].map(({ tally }) => tally.received + tally.sent) as [number, number];
  if (socket <= plain)
    return "Here the WebSocket took no more bytes; it still needs more round trips, and no cache can help it.";
  return `One round trip instead of three, and ${Math.round((1 - plain / socket) * 100)} % fewer bytes. No line needed.`;
}
