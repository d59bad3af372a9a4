/** The chat, or the door before it. */
import { type Changing, useChanges } from "../../shared/hooks.js";
import type { ToolsLine } from "../../shared/inside/line-tools.js";
import { Door } from "../../shared/session/door.js";
import type { Entrance } from "../../shared/session/entrance.js";
import type { Chat } from "../model/chat.js";
import type { Moderator } from "../model/moderator.js";
import { App } from "./app.js";

export interface EntryProps {
  store: Changing;
  entrance: Entrance;
  moderator: Moderator;
  /** There from the first login on. */
  chat: () => Chat | undefined;
  line: () => ToolsLine | undefined;
}

export function Entry({ store, entrance, moderator, chat, line }: EntryProps) {
  useChanges(store);
  const entered = chat();
  if (entrance.current.state === "inside" && entered)
    return <App chat={entered} entrance={entrance} moderator={moderator} line={line()} />;
  return <Door entrance={entrance} page="chat" action="Join the chat" what="The chat" />;
}
