/** The frame of the chat: rooms on the left, the open room in the middle, the people in it on the right. */
import { useState } from "preact/hooks";
import { Drawer } from "../../shared/drawer.js";
import { useChanges, useMedia } from "../../shared/hooks.js";
import type { Chat } from "../model/chat.js";
import { NameDialog } from "./name-dialog.js";
import { PeopleList } from "./people-list.js";
import { RoomView } from "./room-view.js";
import { Sidebar } from "./sidebar.js";

type Panel = "rooms" | "people" | "none";

export function App({ chat }: { chat: Chat }) {
  useChanges(chat);
  const hasRoomsBeside = useMedia("(min-width: 48rem)");
  const hasPeopleBeside = useMedia("(min-width: 70rem)");
  const [panel, setPanel] = useState<Panel>("none");
  const [isRenaming, setRenaming] = useState(false);
  const close = () => setPanel("none");
  const isCovered = panel === "rooms" ? !hasRoomsBeside : panel === "people" && !hasPeopleBeside;
  const needsName = chat.identity.name === undefined;
  return (
    <div class="chat">
      <Drawer label="Rooms" side="left" isSheet={!hasRoomsBeside} isOpen={panel === "rooms"} onClose={close}>
        <Sidebar chat={chat} onOpened={close} onRename={() => setRenaming(true)} />
      </Drawer>
      <RoomView
        chat={chat}
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
        <PeopleList room={chat.room} me={chat.me} />
      </Drawer>
      {(needsName || isRenaming) && (
        <NameDialog
          present={chat.identity.name}
          onName={(name) => {
            chat.rename(name);
            setRenaming(false);
          }}
          onCancel={() => setRenaming(false)}
        />
      )}
    </div>
  );
}
