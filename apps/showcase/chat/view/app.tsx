/** The frame of the chat: rooms on the left, the open room in the middle, the people in it on the right. */
import type { Devtools } from "@holdfast/client/devtools";
import { useState } from "preact/hooks";
import { Drawer } from "../../shared/drawer.js";
import { useChanges, useMedia } from "../../shared/hooks.js";
import type { Entrance } from "../../shared/session/entrance.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import { MembersPanel, PeopleList } from "./members-panel.js";
import { ModerationDialog } from "./moderation-dialog.js";
import { NameDialog } from "./name-dialog.js";
import { RoomView } from "./room-view.js";
import { Sidebar } from "./sidebar.js";

type Panel = "rooms" | "people" | "none";
type Question = "name" | "moderation" | "none";

export interface AppProps {
  chat: Chat;
  entrance: Entrance;
  moderator: Moderator;
  devtools: Devtools | undefined;
}

export function App({ chat, entrance, moderator, devtools }: AppProps) {
  useChanges(chat);
  const hasRoomsBeside = useMedia("(min-width: 48rem)");
  const hasPeopleBeside = useMedia("(min-width: 70rem)");
  const [panel, setPanel] = useState<Panel>("none");
  const [question, setQuestion] = useState<Question>("none");
  const close = () => setPanel("none");
  const closeQuestion = () => setQuestion("none");
  const isCovered = panel === "rooms" ? !hasRoomsBeside : panel === "people" && !hasPeopleBeside;
  const { privateRoom } = chat;
  return (
    <div class="chat">
      <Drawer label="Rooms" side="left" isSheet={!hasRoomsBeside} isOpen={panel === "rooms"} onClose={close}>
        <Sidebar
          chat={chat}
          isModerating={moderator.isActive}
          onOpened={close}
          onRename={() => setQuestion("name")}
          onModerate={() => setQuestion("moderation")}
          onLogOut={() => {
            moderator.stop();
            void entrance.logOut();
          }}
        />
      </Drawer>
      <RoomView
        chat={chat}
        moderator={moderator}
        devtools={devtools}
        isCovered={isCovered}
        onShowRooms={hasRoomsBeside ? undefined : () => setPanel("rooms")}
        onShowPeople={hasPeopleBeside ? undefined : () => setPanel("people")}
      />
      <Drawer
        label="People here"
        side="right"
        isSheet={!hasPeopleBeside}
        isOpen={panel === "people"}
        onClose={close}
      >
        <PeopleList room={chat.room} me={chat.me} moderator={moderator} />
        {privateRoom && <MembersPanel key={privateRoom.room} chat={chat} room={privateRoom} />}
      </Drawer>
      {question === "name" && (
        <NameDialog present={chat.me.name} onName={(name) => entrance.logIn(name)} onClose={closeQuestion} />
      )}
      {question === "moderation" && (
        <ModerationDialog chat={chat} moderator={moderator} onClose={closeQuestion} />
      )}
    </div>
  );
}
