/**
 * The frame of the chat: rooms on the left, the open room in the middle, the people in it on the right. What only members and
 * moderators see is loaded once they see it.
 */
import type { Devtools } from "@holdfast/client/devtools";
import { useEffect, useRef, useState } from "preact/hooks";
import { Brand } from "../../shared/brand.js";
import { Drawer } from "../../shared/drawer.js";
import { useChanges, useMedia } from "../../shared/hooks.js";
import type { Entrance } from "../../shared/session/entrance.js";
import { AskNameDialog } from "../../shared/session/name-dialog.js";
import { SiteNav } from "../../shared/site-nav.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import { Invitations } from "./invitations.js";
import { NameDialog } from "./name-dialog.js";
import { PeopleList } from "./people-list.js";
import { RoomView } from "./room-view.js";
import { Sidebar } from "./sidebar.js";

type Panel = "rooms" | "people" | "none";
type Question = "name" | "first name" | "moderation" | "none";

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
  const [moderation, setModeration] = useState<typeof import("./moderation-dialog.js")>();
  const askModeration = () => {
    void import("./moderation-dialog.js").then(setModeration);
    setQuestion("moderation");
  };
  const isCovered = panel === "rooms" ? !hasRoomsBeside : panel === "people" && !hasPeopleBeside;
  const { privateRoom, isGuest } = chat;
  const isPrivate = privateRoom !== undefined;
  const [members, setMembers] = useState<typeof import("./members-panel.js")>();
  useEffect(() => {
    if (isPrivate) void import("./members-panel.js").then(setMembers);
  }, [isPrivate]);
  // What a guest wanted to do, once there is a name.
  const wanted = useRef<(() => void) | undefined>(undefined);
  const withName = (act: () => void) => {
    if (!chat.isGuest) return act();
    wanted.current = act;
    setQuestion("first name");
  };
  useEffect(() => {
    if (isGuest || question !== "first name") return;
    closeQuestion();
    wanted.current?.();
    wanted.current = undefined;
  }, [isGuest]);
  return (
    <div class="page chat-page">
      <header class="page-header">
        <Brand page="chat" />
        <SiteNav />
      </header>
      <div class="chat">
        <Drawer
          label="Rooms"
          side="left"
          isSheet={!hasRoomsBeside}
          isOpen={panel === "rooms"}
          onClose={close}
        >
          <Sidebar
            chat={chat}
            isModerating={moderator.isActive}
            onOpened={close}
            onRename={() => (isGuest ? withName(() => {}) : setQuestion("name"))}
            onModerate={() => withName(askModeration)}
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
          withName={withName}
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
          {privateRoom && members && (
            <members.MembersPanel key={privateRoom.room} chat={chat} room={privateRoom} />
          )}
        </Drawer>
      </div>
      <Invitations chat={chat} />
      {question === "first name" && <AskNameDialog entrance={entrance} onClose={closeQuestion} />}
      {question === "name" && (
        <NameDialog present={chat.me.name} onName={(name) => entrance.logIn(name)} onClose={closeQuestion} />
      )}
      {question === "moderation" && moderation && (
        <moderation.ModerationDialog chat={chat} moderator={moderator} onClose={closeQuestion} />
      )}
    </div>
  );
}
