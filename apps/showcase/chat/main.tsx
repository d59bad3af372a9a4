/** The chat page: builds the chat with this browser's storage, clock and connection, and shows it. */
import "../shared/tokens.css";
import "../shared/base.css";
import "../shared/header.css";
import "../shared/site-nav.css";
import "../shared/frame/frame.css";
import "./chat.css";
import "./sidebar.css";
import "./room.css";
import "./timeline.css";
import "./composer.css";
import "../shared/session/door.css";
import "../shared/line/line.css";
import "../shared/inside/inside.css";
import type { Devtools } from "@holdfast/client/devtools";
import { render } from "preact";
import { isSheetEntry } from "../shared/drawer.js";
import { createPageDevtools } from "../shared/line/page-line.js";
import { type Account, createLoginLink, Entrance } from "../shared/session/entrance.js";
import { newId, storagePrefix } from "../shared/session/identity.js";
import { PageStorage, storageAreaOf } from "../shared/session/storage.js";
import { Chat } from "./model/chat.js";
import { Moderator } from "./model/moderator.js";
import { hashOf, roomFromHash } from "./model/rooms.js";
import { callApi, createSdkLink, type SdkLink } from "./sdk-link.js";
import { Entry } from "./view/entry.js";

const { search } = location;
const prefix = storagePrefix(search);
const storage = new PageStorage(
  storageAreaOf(() => localStorage),
  prefix,
);
const listeners = new Set<() => void>();
const changed = () => {
  for (const listener of listeners) listener();
};
const moderator = new Moderator({
  storage: new PageStorage(
    storageAreaOf(() => sessionStorage),
    prefix,
  ),
  call: callApi,
  onChange: changed,
});
let chat: Chat | undefined;
let devtools: Devtools | undefined;
const entrance = new Entrance({ link: createLoginLink(search), storage, search, onChange: follow });

addEventListener("hashchange", openFromAddress);
document.addEventListener("visibilitychange", () => chat?.setVisible(!document.hidden));
addEventListener("online", () => chat?.status.receiveDeviceOnline(true));
addEventListener("offline", () => chat?.status.receiveDeviceOnline(false));

const host = document.getElementById("app");
const store = {
  onChange: (listener: () => void) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  },
};
const show = () => {
  if (host && entrance.current.state !== "asking" && !isShown) {
    isShown = true;
    render(
      <Entry
        store={store}
        entrance={entrance}
        moderator={moderator}
        chat={() => chat}
        devtools={() => devtools}
      />,
      host,
    );
  }
};
let isShown = false;
if (moderator.isActive) void moderator.refresh();
void entrance.open();

const guest: Account = Object.freeze({ user: "", name: "Guest" });

/** The chat follows who this browser is: it begins as a guest or a person, goes on under another name, or begins anew after a logout. */
function follow(): void {
  const { current } = entrance;
  if (current.state === "inside") {
    const { user, name } = current.account;
    if (!chat) chat = begin(current.account);
    else if (chat.me.user !== user || chat.me.name !== name || chat.status.current.state === "ended")
      chat.become(current.account);
  } else if (current.state === "outside") {
    if (chat && !chat.isGuest) {
      chat.close();
      chat = undefined;
      document.title = "Chat · Holdfast";
    }
    chat ??= begin(guest);
  }
  show();
  changed();
}

function begin(account: Account): Chat {
  const made = createPageDevtools({ onChange: changed, client: () => link?.client });
  devtools = made;
  let link: SdkLink | undefined;
  const begun: Chat = new Chat({
    ...{ storage, account, newId },
    clock: () => Date.now(),
    later: (delayMs, task) => {
      const timer = setTimeout(task, delayMs);
      return () => clearTimeout(timer);
    },
    createLink: (events) => {
      link = createSdkLink(search, made, events);
      return link;
    },
    onSessionEnd: (why) => {
      if (why === "unknown") void entrance.returnTo(begun.me);
      else entrance.leave("You logged out in another window.");
    },
  });
  chat = begun;
  openFromAddress();
  begun.onChange(showInAddress);
  begun.setVisible(!document.hidden);
  begun.status.receiveDeviceOnline(navigator.onLine);
  begun.start();
  return begun;
}

function openFromAddress(): void {
  if (!chat) return;
  const room = roomFromHash(location.hash);
  if (room !== undefined && room !== chat.openRoom) chat.open(room);
  showInAddress();
}

function showInAddress(): void {
  if (!chat) return;
  const hash = hashOf(chat.openRoom);
  if (location.hash !== hash) {
    // The first address of a visit gets its room without a step in the browser's history, and a sheet gives its own to the room.
    if (location.hash === "" || isSheetEntry()) history.replaceState(null, "", hash);
    else location.hash = hash;
  }
  const count = chat.unread > 0 ? `(${chat.unread}) ` : "";
  const title = `${count}${chat.labelOf(chat.openRoom)} · Holdfast`;
  if (document.title !== title) document.title = title;
}
