/** The open room: its header, its messages, and the field to write one. */
import { useRef } from "preact/hooks";
import { Icon } from "../../shared/icon.js";
import { LineTools, type ToolsLine } from "../../shared/inside/line-tools.js";
import { ConnectionBadge } from "../../shared/line/connection-badge.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import { isPrivate } from "../model/rooms.js";
import { Composer } from "./composer.js";
import { HowItWorks } from "./how-it-works.js";
import { TimelineView } from "./timeline-view.js";

export interface RoomViewProps {
  chat: Chat;
  moderator: Moderator;
  line: ToolsLine | undefined;
  /** Whether a panel lies over it. */
  isCovered: boolean;
  /** Undefined where the rooms are in view anyway. */
  onShowRooms: (() => void) | undefined;
  onShowPeople: (() => void) | undefined;
}

export function RoomView({ chat, moderator, line, isCovered, onShowRooms, onShowPeople }: RoomViewProps) {
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
          {chat.titleOf(room.room)}
        </h1>
        <ConnectionBadge status={chat.status} onTryNow={() => chat.tryNow()} />
        {line && <LineTools line={line} />}
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
        onSend={(text) => {
          showEnd.current();
          chat.send(text);
        }}
      />
      <HowItWorks chat={chat} />
    </main>
  );
}
