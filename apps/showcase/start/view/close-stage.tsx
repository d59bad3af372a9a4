/** Scene 7: the closing handshake from either side, and what comes of sending after it. */
import type { StageProps } from "../main.js";
import { readFrame } from "../model/frame-bits.js";
import { NeedsLine } from "./frames-stage.js";
import { Note, Problem } from "./parts.js";

export function CloseStage({ story }: StageProps) {
  const { line, tap } = story;
  const closed = line?.state === "closed" && line.wasOpen ? line.closed : undefined;
  const socket = tap.socketOf("line")?.opened.socket;
  const closes = tap
    .framesOf("line")
    .filter((frame) => frame.socket === socket && readFrame(frame.hex).opcode === 8);
  return (
    <>
      <div class="stage-actions">
        <button type="button" class="button primary" disabled={!story.isOpen} onClick={() => story.hangUp()}>
          Hang up
        </button>
        <button
          type="button"
          class="button"
          disabled={!story.isOpen}
          onClick={() => void story.askServerToHangUp()}
        >
          Let the server hang up
        </button>
        <button
          type="button"
          class={closed ? "button primary" : "button"}
          disabled={!closed}
          onClick={() => story.sendAfterClose()}
        >
          Try to send
        </button>
      </div>
      <NeedsLine story={story} />
      <ul class="frame-list" aria-label="Close frames">
        {closes.map((frame) => {
          const parts = readFrame(frame.hex);
          return (
            <li key={frame.id} class={`frame-row ${frame.direction}`}>
              <span class="frame-way">{frame.direction === "up" ? "↑ page" : "↓ server"}</span>
              <span class="frame-kind">close</span>
              <span class="frame-bytes">{frame.bytes} B</span>
              <span class="frame-text">{`${parts.closeCode ?? ""} ${parts.text}`}</span>
            </li>
          );
        })}
      </ul>
      <dl class="facts">
        <dt>code</dt>
        <dd data-testid="close-code">{closed ? closed.code : "–"}</dd>
        <dt>reason</dt>
        <dd data-testid="close-reason">{closed ? closed.reason || "(none)" : "–"}</dd>
        <dt>clean</dt>
        <dd>
          {closed ? (closed.wasClean ? "yes: both sides said goodbye" : "no: the line just ended") : "–"}
        </dd>
      </dl>
      <Note testId="close-note">{story.sendResult}</Note>
      <Problem text={story.problem} />
    </>
  );
}
