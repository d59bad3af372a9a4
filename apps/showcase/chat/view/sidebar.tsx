/** The list of rooms with what is unread in them, and who the person is. */
import { useState } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { Brand } from "../../shared/brand.js";
import { Icon } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import type { RoomSession } from "../model/room-session.js";
import { hashOf } from "../model/rooms.js";

const mostShown = 99;

export interface SidebarProps {
  chat: Chat;
  onOpened: () => void;
  onRename: () => void;
}

export function Sidebar({ chat, onOpened, onRename }: SidebarProps) {
  return (
    <div class="sidebar">
      <Brand page="chat" />
      <nav class="rooms" aria-label="Rooms">
        <h2 class="sidebar-title">Rooms</h2>
        <ul>
          {chat.rooms.map((room) => (
            <RoomItem key={room.room} chat={chat} room={room} onOpened={onOpened} />
          ))}
        </ul>
        <AddRoom chat={chat} onOpened={onOpened} />
      </nav>
      <div class="sidebar-me">
        <Avatar user={chat.me.user} name={chat.me.name} />
        <div class="sidebar-me-text">
          <span class="sidebar-me-label">You are</span>
          <span class="sidebar-me-name">{chat.me.name || "new here"}</span>
        </div>
        <button
          type="button"
          class="icon-button"
          aria-label="Change name"
          title="Change name"
          onClick={onRename}
        >
          <Icon name="edit" />
        </button>
      </div>
    </div>
  );
}

interface RoomItemProps {
  chat: Chat;
  room: RoomSession;
  onOpened: () => void;
}

function RoomItem({ chat, room: { room, unread }, onOpened }: RoomItemProps) {
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
          #
        </span>
        <span class="room-name">{room}</span>
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

function AddRoom({ chat, onOpened }: { chat: Chat; onOpened: () => void }) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string>();
  const submit = (event: Event) => {
    event.preventDefault();
    const found = chat.open(name.trim().replace(/^#/, ""));
    setProblem(found);
    if (found !== undefined) return;
    setName("");
    onOpened();
  };
  return (
    <form class="add-room" onSubmit={submit} noValidate>
      <label class="unseen" for="add-room">
        Name of a room to join
      </label>
      <input
        id="add-room"
        class="add-room-field"
        value={name}
        placeholder="Join another room"
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby="add-room-problem"
        onInput={(event) => {
          setName(event.currentTarget.value);
          setProblem(undefined);
        }}
      />
      <button type="submit" class="icon-button" aria-label="Join room" title="Join room">
        <Icon name="plus" />
      </button>
      <p id="add-room-problem" class="add-room-problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
