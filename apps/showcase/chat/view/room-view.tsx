/** The open room: its header, its messages, and the field to write one. */
import type { Devtools } from "@holdfast/client/devtools";
import { useRef } from "preact/hooks";
import { basePathOf } from "../../shared/base-path.js";
import { Icon } from "../../shared/icon.js";
import { LineTools } from "../../shared/inside/line-tools.js";
import { ConnectionBadge } from "../../shared/line/connection-badge.js";
import { command } from "../../shared/site-pages.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import { channelOf, isPrivate } from "../model/rooms.js";
import { Composer } from "./composer.js";
import { TimelineView } from "./timeline-view.js";

export interface RoomViewProps {
  chat: Chat;
  moderator: Moderator;
  devtools: Devtools | undefined;
  /** Does it now, or once a guest has chosen a name. */
  withName: (act: () => void) => void;
  /** Whether a panel lies over it. */
  isCovered: boolean;
  /** Undefined where the rooms are in view anyway. */
  onShowRooms: (() => void) | undefined;
  onShowPeople: (() => void) | undefined;
}

export function RoomView({
  chat,
  moderator,
  devtools,
  isCovered,
  onShowRooms,
  onShowPeople,
  withName,
}: RoomViewProps) {
  const { room } = chat;
  const people = room.presence.people(chat.me.user).length;
  const unreadElsewhere = chat.unread - room.unread;
  // Asks the timeline to show its end, whatever the person was looking at.
  const showEnd = useRef(() => {});
  return (
    <main class="room" inert={isCovered}>
      <header class="room-header">
        {onShowRooms && (
          <button type="button" class="icon-button" aria-label="Show rooms" onClick={onShowRooms}>
            <Icon name="menu" />
            {unreadElsewhere > 0 && <span class="dot" />}
          </button>
        )}
        <h1 class="room-title">
          <span class="room-title-sign" aria-hidden="true">
            {isPrivate(room.room) ? <Icon name="lock" /> : "#"}
          </span>
          <bdi>{chat.titleOf(room.room)}</bdi>
        </h1>
        <ConnectionBadge status={chat.status} onTryNow={() => chat.tryNow()} />
        {devtools && <LineTools devtools={devtools} />}
        {onShowPeople && (
          <button
            type="button"
            class="icon-button with-count"
            aria-label={`Show people here: ${people}`}
            onClick={onShowPeople}
          >
            <Icon name="people" />
            <span aria-hidden="true">{people}</span>
          </button>
        )}
      </header>
      <TimelineView key={room.room} chat={chat} moderator={moderator} room={room} showEnd={showEnd} />
      <Composer
        key={`composer ${room.room}`}
        chat={chat}
        onSend={(text, onSent) =>
          withName(() => {
            showEnd.current();
            chat.send(text);
            onSent();
          })
        }
      />
      <HowItWorks chat={chat} />
    </main>
  );
}

/** Where the command line looks for a server unless told otherwise. */
const usualServer = "http://localhost:8000/";

export function EmptyRoom({ room }: { room: string }) {
  const url = location.origin + basePathOf();
  const server = url === usualServer ? "" : ` --url ${url}`;
  return (
    <div class="empty">
      <svg class="empty-mark" viewBox="0 0 120 60" aria-hidden="true">
        <path d="M4 40c9 0 9-7 18-7s9 7 18 7 9-7 18-7 9 7 18 7 9-7 18-7 9 7 18 7" />
        <path d="M4 52c9 0 9-7 18-7s9 7 18 7 9-7 18-7 9 7 18 7 9-7 18-7 9 7 18 7" />
        <path d="M60 33V18" />
        <circle cx="60" cy="12" r="6" />
      </svg>
      <h2 class="display-title">Nobody has said anything here yet</h2>
      {isPrivate(room) ? (
        <p class="soft">
          Only members can read and write in this room. Its owner invites them, in the list of people.
        </p>
      ) : (
        <>
          <p class="soft">Say hello below, or send something from a shell in the Holdfast folder:</p>
          <pre class="shell">
            <code>{`${command} publish ${channelOf(room)} '{"id":"1","text":"hi from the shell"}'${server}`}</code>
          </pre>
        </>
      )}
    </div>
  );
}

export function HowItWorks({ chat }: { chat: Chat }) {
  const { room, status } = chat;
  const { epoch, offset } = room.position;
  const position = epoch === "" ? "not known yet" : `${epoch}:${offset}`;
  const delays = status.retryDelaysMs.map((delayMs) => `${(delayMs / 1000).toFixed(2)} s`).join(", ");
  return (
    <details class="how">
      <summary>
        <span class="how-title">How this works</span>
        <span class="how-line">
          one WebSocket · {channelOf(room.room)} at {position} · {status.recoveredTotal} recovered
        </span>
      </summary>
      <div class="how-body">
        <p>
          All rooms share one WebSocket. Each room is a log in which every message has a number, and this page
          remembers the last one it saw. When the connection breaks, it comes back with that position and
          receives exactly what is missing. What you write meanwhile waits in this browser until it has
          appeared in the room.
        </p>
        <dl>
          <div>
            <dt>Channel</dt>
            <dd>
              <code>{channelOf(room.room)}</code>
            </dd>
          </div>
          <div>
            <dt>Position (epoch:offset)</dt>
            <dd>
              <code data-testid="position">{position}</code>
            </dd>
          </div>
          <div>
            <dt>Recovered since this page was opened</dt>
            <dd data-testid="recovered-total">{status.recoveredTotal}</dd>
          </div>
          <div>
            <dt>Delays before recent attempts</dt>
            <dd data-testid="retry-delays" data-delays-ms={status.retryDelaysMs.join(" ")}>
              {delays || "none"}
            </dd>
          </div>
        </dl>
      </div>
    </details>
  );
}
