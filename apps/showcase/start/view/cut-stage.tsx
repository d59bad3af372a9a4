/** Scene 6: the server cuts this page's WebSocket, letters go on, and the page comes back to where it was. */
import type { StageProps } from "../main.js";
import { NeedsLine } from "./frames-stage.js";
import { Note, Problem } from "./parts.js";

const shownOffsets = 18;

export function CutStage({ story }: StageProps) {
  const { line, cutState, cutAt, recovered } = story;
  const isCut = cutState === "cut" && line?.state === "closed";
  const offsets = story.letters.offsets.slice(-shownOffsets);
  const missed = offsets.filter(({ state }) => state === "missed").length;
  return (
    <>
      <div class="stage-actions">
        <button
          type="button"
          class={isCut ? "button" : "button primary"}
          disabled={!story.isOpen}
          onClick={() => void story.cut()}
        >
          Cut the line
        </button>
        <button
          type="button"
          class={isCut ? "button primary" : "button"}
          disabled={!isCut}
          onClick={() => story.comeBack()}
        >
          Come back
        </button>
      </div>
      {cutState !== "cut" && <NeedsLine story={story} />}
      {story.isRefused && (
        <Note>
          The event stream does the same by itself: the browser repeats the last position it saw, as
          Last-Event-ID.
        </Note>
      )}
      <ol class="log-rail" aria-label="The channel’s log, by offset" data-testid="log-rail">
        {offsets.map(({ offset, state, text }) => (
          <li key={offset} class={`log-entry ${state}`} title={text} data-state={state}>
            <span class="log-offset">{offset}</span>
            <span class="unseen">{`${text}, ${state === "live" ? "came at once" : state}`}</span>
          </li>
        ))}
        {offsets.length === 0 && <li class="log-empty">The log of your channel is empty as yet.</li>}
      </ol>
      <p class="log-key" aria-hidden="true">
        <span class="log-key-item">
          <span class="log-entry live" /> came at once
        </span>
        <span class="log-key-item">
          <span class="log-entry missed" /> written while away
        </span>
        <span class="log-key-item">
          <span class="log-entry recovered" /> recovered
        </span>
      </p>
      <Note testId="cut-note">{sentence()}</Note>
      <Problem text={story.problem} />
      <dl class="facts">
        <dt>last seen before</dt>
        <dd data-testid="cut-before">{cutAt ? `offset ${cutAt.offset}, epoch ${cutAt.epoch}` : "–"}</dd>
        <dt>asked on return</dt>
        <dd>
          {recovered ? (
            <code>{`{"recover":true,"offset":${recovered.since.offset},"epoch":"${recovered.since.epoch}"}`}</code>
          ) : (
            "–"
          )}
        </dd>
        <dt>answered</dt>
        <dd data-testid="cut-after">
          {recovered
            ? `recovered: ${recovered.isRecovered}, ${recovered.letters.length} letters, now at offset ${recovered.offset}`
            : "–"}
        </dd>
      </dl>
    </>
  );

  function sentence(): string {
    if (isCut)
      return `The server has ended the connection without a word (close code ${line?.closed?.code ?? 1006}). Letters written meanwhile: ${missed}.`;
    if (cutState === "back" && recovered?.isRecovered)
      return recovered.letters.length === 0
        ? "Back. Nothing was written meanwhile."
        : `Back. All ${recovered.letters.length} came with the first answer, in order. Nothing is missing.`;
    if (cutState === "back" && recovered)
      return "Back, but the log no longer reaches to where this page was, and it was told so.";
    return story.isOpen ? "The line is whole. The server will really cut it, and letters go on." : "";
  }
}
