/** Scenes 1 and 2: a page that asks every second, and one that asks and waits. */
import { useNow } from "../../shared/hooks.js";
import type { StageProps } from "../main.js";
import type { Tick } from "../model/story.js";
import { Figure, Figures, formatBytes, formatMs, Head, Note, Problem } from "./parts.js";

export function PollStage({ story }: StageProps) {
  const { poll, tap } = story;
  const tally = tap.tallyOf("poll");
  const empty = poll.ticks.filter(({ hadNews }) => !hadNews).length;
  const isRunning = poll.reader !== undefined;
  return (
    <>
      <div class="stage-actions">
        <button
          type="button"
          class={isRunning ? "button" : "button primary"}
          onClick={() => story.toggleReader("poll")}
        >
          {isRunning ? "Stop asking" : "Ask every second"}
        </button>
        <button
          type="button"
          class={isRunning ? "button primary" : "button"}
          disabled={!isRunning}
          onClick={() => void story.write()}
        >
          Put a letter in the box
        </button>
      </div>
      <Figures>
        <Figure id="poll-requests" label="requests" value={String(tally.requests)} tone="poll" />
        <Figure id="poll-empty" label="were told: nothing" value={String(empty)} />
        <Figure id="poll-bytes" label="bytes both ways" value={formatBytes(tally.received + tally.sent)} />
      </Figures>
      <Ticks ticks={poll.ticks} way="poll" />
      <Note testId="poll-note">
        {poll.lastDelay !== undefined
          ? `Your letter lay in the box for ${formatMs(poll.lastDelay)} until this page asked again.`
          : isRunning
            ? "Each empty square is a question, a no, and all the bytes of both."
            : "Nothing is asked yet."}
      </Note>
      <Problem text={poll.problem ?? (isRunning ? story.problem : undefined)} />
      <div class="heads">
        <Head title="Asked, all of it" text={tap.lastRequest("poll")?.head} testId="poll-request" />
        <Head
          title="Answered"
          text={withBody(tap.lastAnswer("poll")?.answer, poll.body)}
          testId="poll-answer"
        />
      </div>
    </>
  );
}

export function LongPollStage({ story }: StageProps) {
  const { long, tap } = story;
  const tally = tap.tallyOf("long");
  const isRunning = long.reader !== undefined;
  useNow(long.askedAt !== undefined);
  const openMs = long.askedAt === undefined ? undefined : performance.now() - long.askedAt;
  return (
    <>
      <div class="stage-actions">
        <button
          type="button"
          class={isRunning ? "button" : "button primary"}
          onClick={() => story.toggleReader("long")}
        >
          {isRunning ? "Stop waiting" : "Ask once, and wait"}
        </button>
        <button
          type="button"
          class={isRunning ? "button primary" : "button"}
          disabled={!isRunning}
          onClick={() => void story.write()}
        >
          Put a letter in the box
        </button>
      </div>
      <Figures>
        <Figure id="long-requests" label="requests" value={String(tally.requests)} tone="long" />
        <Figure
          id="long-open"
          label="open for"
          value={openMs === undefined ? "–" : `${Math.floor(openMs / 1000)} s`}
        />
        <Figure id="long-bytes" label="bytes both ways" value={formatBytes(tally.received + tally.sent)} />
      </Figures>
      <ul class="waits" aria-label="Requests, newest last">
        {long.ticks.slice(-5).map((tick, index) => (
          <li key={index} class={tick.hadNews ? "wait news" : "wait"}>
            <span style={{ width: `${Math.max(2, Math.min(100, tick.tookMs / 100))}%` }} />
            {tick.hadNews ? "letter after" : "nothing for"} {formatMs(tick.tookMs)}
          </li>
        ))}
        {openMs !== undefined && (
          <li class="wait open">
            <span style={{ width: `${Math.max(2, Math.min(100, openMs / 100))}%` }} />
            waiting
          </li>
        )}
      </ul>
      <Note testId="long-note">
        {long.lastDelay !== undefined
          ? `Your letter was here ${formatMs(long.lastDelay)} after you sent it. Then the next request had to go out.`
          : isRunning
            ? "The server keeps this request for up to ten seconds."
            : "Nothing is asked yet."}
      </Note>
      <Problem text={long.problem ?? (isRunning ? story.problem : undefined)} />
      <Head
        title={openMs === undefined ? "Asked" : "Asked, and not answered yet"}
        text={tap.lastRequest("long")?.head}
        testId="long-request"
      />
    </>
  );
}

function Ticks({ ticks, way }: { ticks: readonly Tick[]; way: string }) {
  const label = `${ticks.length} answers, ${ticks.filter(({ hadNews }) => hadNews).length} with a letter`;
  return (
    <div class={`ticks ${way}`} role="img" aria-label={label}>
      {ticks.map((tick, index) => (
        <span key={index} class={tick.hadNews ? "tick news" : "tick"} />
      ))}
    </div>
  );
}

function withBody(head: string | undefined, body: string): string | undefined {
  return head === undefined ? undefined : `${head}${body}`;
}
