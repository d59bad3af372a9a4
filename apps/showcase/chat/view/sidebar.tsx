/** The lists of rooms, and who the person is. */
import { Avatar } from "../../shared/avatar.js";
import { Brand } from "../../shared/brand.js";
import { Icon, type IconName } from "../../shared/icon.js";
import type { Chat } from "../model/chat.js";
import { AddRoom } from "./add-room.js";
import { RoomItem } from "./room-item.js";

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
      <Brand page="chat" />
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
      </nav>
      <Me {...props} />
    </div>
  );
}

function Me({ chat, isModerating, onRename, onModerate, onLogOut }: SidebarProps) {
  return (
    <div class="sidebar-me">
      <Avatar user={chat.me.user} name={chat.me.name} />
      <div class="sidebar-me-text">
        <span class="sidebar-me-label">{isModerating ? "You moderate as" : "You are"}</span>
        <span class="sidebar-me-name">{chat.me.name}</span>
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
