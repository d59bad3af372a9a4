/** The chat, or the door before it. */
import type { Devtools } from "@holdfast/client/devtools";
import { type Changing, useChanges } from "../../shared/hooks.js";
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
  devtools: () => Devtools | undefined;
}

export function Entry({ store, entrance, moderator, chat, devtools }: EntryProps) {
  useChanges(store);
  const entered = chat();
  if (entered) return <App chat={entered} entrance={entrance} moderator={moderator} devtools={devtools()} />;
  return <Door entrance={entrance} page="chat" what="The chat" />;
}
