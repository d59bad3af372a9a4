/** The messages of a room. Follows the newest while the person is at the end, and else leaves them where they read. */
import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import type { RoomSession } from "../model/room-session.js";
import { arrangeRows } from "../model/rows.js";
import { waiting } from "../model/waiting.js";
import { EmptyRoom } from "./room-view.js";
import { RowView } from "./row-view.js";

export interface TimelineViewProps {
  chat: Chat;
  moderator: Moderator;
  room: RoomSession;
  /** Set to what brings the end into view. */
  showEnd: RefObject<() => void>;
}

export function TimelineView({ chat, moderator, room, showEnd }: TimelineViewProps) {
  const box = useRef<HTMLDivElement>(null);
  const keeper = useRef<ScrollKeeper | null>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const [arrivalsSeen, setArrivalsSeen] = useState(room.arrivals);
  const { history, timeline, phase } = room;
  const title = chat.titleOf(room.room);

  useEffect(() => {
    if (!box.current) return;
    const created = new ScrollKeeper(box.current, (nowAtEnd) => {
      room.isFollowing = nowAtEnd;
      setAtEnd(nowAtEnd);
      setArrivalsSeen(room.arrivals);
    });
    keeper.current = created;
    showEnd.current = () => created.showEnd();
    return () => created.stop();
  }, [room]);
  useLayoutEffect(() => keeper.current?.keep());

  const rows = arrangeRows(timeline, chat.pending, chat.me);
  const oldest = timeline.oldestOffset;
  const news = isAtEnd ? 0 : room.arrivals - arrivalsSeen;
  const isReading = history.state === "loading" || (history.state === "unread" && phase !== "refused");
  return (
    <div class="timeline-frame">
      <div
        ref={box}
        class={moderator.isActive ? "timeline moderated" : "timeline"}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        role="log"
        aria-label={`Messages in ${title}`}
        aria-busy={isReading}
      >
        <div class="timeline-inner">
          {phase === "refused" && (
            <Trouble
              text={`This room could not be joined: ${room.refusal}.`}
              action="Ask again"
              onAct={() => chat.rejoin()}
            />
          )}
          {history.state === "failed" && (
            <Trouble
              text={`History could not be read: ${history.problem}.`}
              action="Try again"
              onAct={() => void history.loadLatest()}
            />
          )}
          {history.hasEarlier && oldest !== undefined && (
            <button
              type="button"
              class="button small earlier"
              onClick={() => {
                keeper.current?.look();
                void history.loadBefore(oldest);
              }}
            >
              Load earlier messages
            </button>
          )}
          {rows.length > 0 && !history.hasEarlier && history.state === "read" && (
            <p class="beginning">
              {oldest === 1
                ? `This is where ${chat.labelOf(room.room)} begins.`
                : "Older messages are no longer kept."}
            </p>
          )}
          {rows.length === 0 && isReading && (
            <div class="empty">
              <h2 class="display-title">{waiting.title}</h2>
              <p class="soft">{waiting.lead}</p>
            </div>
          )}
          {rows.length === 0 && history.state === "read" && <EmptyRoom room={room.room} />}
          {rows.map((row) => (
            <RowView key={row.key} row={row} chat={chat} moderator={moderator} room={room} />
          ))}
        </div>
      </div>
      {!isAtEnd && (
        <button
          type="button"
          class={news > 0 ? "pill news" : "pill"}
          onClick={() => keeper.current?.showEnd()}
        >
          <Icon name="down" />
          {news > 0 ? `${news} new ${news === 1 ? "message" : "messages"}` : "Latest"}
        </button>
      )}
    </div>
  );
}

function Trouble({ text, action, onAct }: { text: string; action: string; onAct: () => void }) {
  return (
    <p class="trouble" role="alert">
      <Icon name="failed" />
      <span>{text}</span>
      <button type="button" class="text-button" onClick={onAct}>
        {action}
      </button>
    </p>
  );
}

/**
 * Keeps a scrolling box where the person left it: at its end while they are there, or with the line they look at in its
 * place, whatever is added above, below or between. Lines are told apart by their `data-key`.
 */
const nearEndPx = 48;

export class ScrollKeeper {
  readonly #box: HTMLElement;
  readonly #onEnd: (isAtEnd: boolean) => void;
  readonly #resizes: ResizeObserver;
  #isAtEnd = true;
  #anchor: { key: string; top: number } | undefined;

  /** @param onEnd told when the person leaves or reaches the end */
  constructor(box: HTMLElement, onEnd: (isAtEnd: boolean) => void) {
    this.#box = box;
    this.#onEnd = onEnd;
    this.#resizes = new ResizeObserver(() => this.keep());
    this.#resizes.observe(box);
    box.addEventListener("scroll", this.look, { passive: true });
    this.keep();
  }

  stop(): void {
    this.#resizes.disconnect();
    this.#box.removeEventListener("scroll", this.look);
  }

  showEnd(): void {
    this.#setAtEnd(true);
    this.keep();
  }

  /** Call after the content has changed. */
  keep(): void {
    const box = this.#box;
    if (this.#isAtEnd) {
      box.scrollTop = box.scrollHeight;
      return;
    }
    // By its key, as the element may be another one by now.
    const line = this.#anchor && box.querySelector(`[data-key="${CSS.escape(this.#anchor.key)}"]`);
    if (line && this.#anchor) box.scrollTop += this.#topOf(line) - this.#anchor.top;
  }

  /** Takes note of where the person is: done at every scroll event, and before a change they ask for. */
  look = (): void => {
    const { scrollHeight, scrollTop, clientHeight } = this.#box;
    this.#setAtEnd(scrollHeight - scrollTop - clientHeight < nearEndPx);
    const lines = [...this.#box.querySelectorAll<HTMLElement>("[data-key]")];
    const line = lines.find((candidate) => this.#topOf(candidate) + candidate.clientHeight > 0);
    this.#anchor = line && { key: line.dataset.key ?? "", top: this.#topOf(line) };
  };

  #setAtEnd(isAtEnd: boolean): void {
    if (this.#isAtEnd === isAtEnd) return;
    this.#isAtEnd = isAtEnd;
    this.#onEnd(isAtEnd);
  }

  #topOf(line: Element): number {
    return line.getBoundingClientRect().top - this.#box.getBoundingClientRect().top;
  }
}
