/** The lists of rooms, and who the person is. */

import { useState } from "preact/hooks";
import { Avatar } from "../../shared/avatar.js";
import { Icon, type IconName } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import type { RoomSession } from "../model/room-session.js";
import { hashOf, isPrivate } from "../model/rooms.js";

export interface SidebarProps {
  chat: Chat;
  isModerating: boolean;
  onOpened: () => void;
  onRename: () => void;
  onModerate: () => void;
  onLogOut: () => void;
}

export function Sidebar(props: SidebarProps) {
  const { chat, onOpened } = props;
  const privateRooms = chat.privateRooms.list.flatMap(({ room }) => chat.sessionOf(room) ?? []);
  const createPrivate = async (title: string) => {
    const outcome = await chat.privateRooms.create(title);
    if ("problem" in outcome) return outcome.problem;
    chat.open(outcome.room);
    onOpened();
    return undefined;
  };
  const join = (name: string) => {
    const problem = chat.open(name.replace(/^#/, ""));
    if (problem === undefined) onOpened();
    return problem;
  };
  return (
    <div class="sidebar">
      <nav class="rooms" aria-label="Rooms">
        <h2 class="sidebar-title">Rooms</h2>
        <ul>
          {chat.rooms.map((room) => (
            <RoomItem key={room.room} chat={chat} room={room} onOpened={onOpened} />
          ))}
        </ul>
        <AddRoom
          id="add-room"
          label="Name of a room to join"
          placeholder="Join another room"
          action="Join room"
          onAdd={join}
        />
        {!chat.isGuest && (
          <>
            <h2 class="sidebar-title private">Private rooms</h2>
            <ul>
              {privateRooms.map((room) => (
                <RoomItem key={room.room} chat={chat} room={room} onOpened={onOpened} />
              ))}
            </ul>
            <AddRoom
              id="create-room"
              label="Title of a private room to create"
              placeholder="Create a private room"
              action="Create private room"
              onAdd={createPrivate}
            />
          </>
        )}
      </nav>
      <Me {...props} />
    </div>
  );
}

function Me({ chat, isModerating, onRename, onModerate, onLogOut }: SidebarProps) {
  if (chat.isGuest)
    return (
      <div class="sidebar-me">
        <div class="sidebar-me-text">
          <span class="sidebar-me-label">You are a guest</span>
        </div>
        <button type="button" class="button small" onClick={onRename}>
          Choose a name
        </button>
      </div>
    );
  return (
    <div class="sidebar-me">
      <Avatar user={chat.me.user} name={chat.me.name} />
      <div class="sidebar-me-text">
        <span class="sidebar-me-label">{isModerating ? "You moderate as" : "You are"}</span>
        <span class="sidebar-me-name" dir="auto">
          {chat.me.name}
        </span>
      </div>
      <div class="me-actions">
        <Action icon="edit" label="Change name" onAct={onRename} />
        <Action icon="shield" label="Moderate" onAct={onModerate} />
        <Action icon="exit" label="Log out" onAct={onLogOut} />
      </div>
    </div>
  );
}

function Action({ icon, label, onAct }: { icon: IconName; label: string; onAct: () => void }) {
  return (
    <button type="button" class="icon-button me-action" aria-label={label} title={label} onClick={onAct}>
      <Icon name={icon} />
    </button>
  );
}

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
        <span class="room-name" dir="auto">
          {chat.titleOf(room)}
        </span>
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

export interface AddRoomProps {
  /** Unique within the page. */
  id: string;
  label: string;
  placeholder: string;
  action: string;
  /** Gives what is wrong, if anything. */
  onAdd: (name: string) => string | undefined | Promise<string | undefined>;
}

export function AddRoom({ id, label, placeholder, action, onAdd }: AddRoomProps) {
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<string>();
  const submit = async (event: Event) => {
    event.preventDefault();
    const found = await onAdd(name.trim());
    setProblem(found);
    if (found === undefined) setName("");
  };
  return (
    <form class="add-room" onSubmit={(event) => void submit(event)} noValidate>
      <label class="unseen" for={id}>
        {label}
      </label>
      <input
        id={id}
        class="add-room-field"
        dir="auto"
        value={name}
        placeholder={placeholder}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        aria-invalid={problem !== undefined}
        aria-describedby={`${id}-problem`}
        onInput={(event) => {
          setName(event.currentTarget.value);
          setProblem(undefined);
        }}
      />
      <button type="submit" class="icon-button" aria-label={action} title={action}>
        <Icon name="plus" />
      </button>
      <p id={`${id}-problem`} class="add-room-problem" role="alert">
        {problem}
      </p>
    </form>
  );
}
