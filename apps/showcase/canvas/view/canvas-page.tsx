/** The page: which boards there are, what one draws with, the board, and who is there. */
import { useEffect } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Canvas } from "../model/canvas.js";
import { boards } from "../server/board.js";
import { BoardView } from "./board-view.js";
import { Tools } from "./tools.js";

export function CanvasPage({ canvas, visit }: { canvas: Canvas; visit: Visit }) {
  const { name } = canvas;
  const other = visit.account.name === "Bo" ? "Ann" : "Bo";
  return (
    <PageFrame
      visit={visit}
      page="canvas"
      aside={
        <a href={`?as=${other}#${name}`} target="_blank" rel="noopener">
          Open a second window as {other}
        </a>
      }
    >
      <Boards canvas={canvas} />
    </PageFrame>
  );
}

function Boards({ canvas }: { canvas: Canvas }) {
  useChanges(canvas);
  const { name, board, waiting } = canvas;
  useEffect(() => {
    const follow = () => canvas.open(location.hash);
    const undoByKey = (event: KeyboardEvent) => {
      if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
      event.preventDefault();
      canvas.board.undo();
    };
    addEventListener("hashchange", follow);
    addEventListener("keydown", undoByKey);
    return () => {
      removeEventListener("hashchange", follow);
      removeEventListener("keydown", undoByKey);
    };
  }, [canvas]);
  const strokes = board.drawing.size;
  return (
    <div class="board-grid">
      <nav class="board-tabs" aria-label="Boards">
        {boards.map((each) => (
          <a key={each} href={`#${each}`} aria-current={each === name ? "page" : undefined}>
            {each}
          </a>
        ))}
      </nav>
      <Tools canvas={canvas} />
      <div class="board-place">
        <BoardView canvas={canvas} />
        <p class="board-news small" role="status" data-testid="news">
          {!board.isLive && waiting > 0 ? "What you draw is sent when the connection is back." : board.news}
        </p>
        {board.problem !== "" && (
          <p class="field-problem" role="alert">
            {board.problem}
          </p>
        )}
      </div>
      <div class="board-facts">
        <h2 class="facts-title">At this board</h2>
        <ul class="people-here" aria-label="At this board">
          {board.people.list.map(({ user, name: called }) => (
            <li key={user}>
              <Avatar user={user} name={called} isSmall />
              <span dir="auto">{called}</span>
            </li>
          ))}
        </ul>
        <p class="small" data-testid="strokes">
          {board.isRead ? `${strokes} ${strokes === 1 ? "stroke" : "strokes"}` : "Loading the drawing …"}
        </p>
        <p class="soft small">
          A board keeps its last 2,000 messages for a week, some hundreds of strokes: the oldest fade and then
          disappear. On a phone, two fingers move the board. With the keyboard, arrow keys move the pen, Space
          holds it down and Enter keeps it down.
        </p>
      </div>
    </div>
  );
}
