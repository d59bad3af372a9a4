/** A room in the list, with what is unread in it. */
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import type { RoomSession } from "../model/room-session.js";
import { hashOf, isPrivate } from "../model/rooms.js";

const mostShown = 99;

export interface RoomItemProps {
  chat: Chat;
  room: RoomSession;
  onOpened: () => void;
}

export function RoomItem({ chat, room: { room, unread }, onOpened }: RoomItemProps) {
  const isOpen = room === chat.openRoom;
  const shown = unread > mostShown ? `${mostShown}+` : String(unread);
  return (
    <li class={isOpen ? "room-item open" : "room-item"}>
      <a
        href={hashOf(room)}
        aria-current={isOpen ? "page" : undefined}
        onClick={(event) => {
          // With a modifier it opens in a window of its own, as any address does.
          if (event.ctrlKey || event.metaKey || event.shiftKey) return;
          event.preventDefault();
          chat.open(room);
          onOpened();
        }}
      >
        <span class="room-sign" aria-hidden="true">
          {isPrivate(room) ? <Icon name="lock" /> : "#"}
        </span>
        <span class="room-name">{chat.titleOf(room)}</span>
        {unread > 0 && !isOpen && (
          <span class="unread">
            {shown}
            <span class="unseen"> unread</span>
          </span>
        )}
      </a>
      {chat.canLeave(room) && (
        <button
          type="button"
          class="icon-button leave"
          aria-label={`Leave ${room}`}
          title={`Leave ${room}`}
          onClick={() => chat.leave(room)}
        >
          <Icon name="close" />
        </button>
      )}
    </li>
  );
}
