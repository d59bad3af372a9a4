/** The chat page: builds the chat with this browser's storage, clock and connection, and shows it. */
import "../shared/tokens.css";
import "../shared/base.css";
import "./chat.css";
import "./sidebar.css";
import "./room.css";
import "./timeline.css";
import "./composer.css";
import { render } from "preact";
import { Chat } from "./model/chat.js";
import { newId, storagePrefix } from "./model/identity.js";
import { hashOf, roomFromHash } from "./model/rooms.js";
import { ChatStorage, type StorageArea } from "./model/storage.js";
import { createSdkLink } from "./sdk-link.js";
import { App } from "./view/app.js";

const chat = new Chat({
  storage: new ChatStorage(storageOfBrowser(), storagePrefix(location.search)),
  search: location.search,
  newId,
  clock: () => Date.now(),
  later: (delayMs, task) => {
    const timer = setTimeout(task, delayMs);
    return () => clearTimeout(timer);
  },
  createLink: (status, rooms) => createSdkLink({ url: socketAddress(), status, rooms }),
});

openFromAddress();
addEventListener("hashchange", openFromAddress);
chat.onChange(showInAddress);

chat.setVisible(!document.hidden);
document.addEventListener("visibilitychange", () => chat.setVisible(!document.hidden));

chat.status.receiveDeviceOnline(navigator.onLine);
addEventListener("online", () => chat.status.receiveDeviceOnline(true));
addEventListener("offline", () => chat.status.receiveDeviceOnline(false));

const host = document.getElementById("app");
if (host) render(<App chat={chat} />, host);
chat.start();

/** Even naming the storage throws where a browser refuses it. */
function storageOfBrowser(): StorageArea | undefined {
  try {
    return localStorage;
  } catch {
    return undefined;
  }
}

function socketAddress(): string {
  const protocol = location.protocol === "https:" ? "wss:" : "ws:";
  return `${protocol}//${location.host}/connection/websocket`;
}

function openFromAddress(): void {
  const room = roomFromHash(location.hash);
  if (room !== undefined && room !== chat.openRoom) chat.open(room);
  showInAddress();
}

function showInAddress(): void {
  const hash = hashOf(chat.openRoom);
  if (location.hash !== hash) {
    // The first address of a visit gets its room without a step in the browser's history.
    if (location.hash === "") history.replaceState(null, "", hash);
    else location.hash = hash;
  }
  const count = chat.unread > 0 ? `(${chat.unread}) ` : "";
  const title = `${count}#${chat.openRoom} · Holdfast`;
  if (document.title !== title) document.title = title;
}
