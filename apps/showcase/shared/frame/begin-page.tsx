/** Begins a page: lets a person in, opens their line, and shows what the page makes of it until they leave. */
import "../tokens.css";
import "../base.css";
import "../header.css";
import "../site-nav.css";
import "../session/door.css";
import "../line/line.css";
import "../inside/inside.css";
import "./frame.css";
import { type ComponentChildren, render } from "preact";
import { useChanges } from "../hooks.js";
import { Door } from "../session/door.js";
import { type Account, createLoginLink, Entrance } from "../session/entrance.js";
import { storagePrefix } from "../session/identity.js";
import { PageStorage, storageAreaOf } from "../session/storage.js";
import { Visit } from "./visit.js";

export interface PageOptions<Model extends { close?(): void }> {
  /** Beside the brand, and before the first login. */
  readonly page: string;
  /** What the button of the door says. */
  readonly action: string;
  /** With a capital: "The canvas". */
  readonly what: string;
  /** Once for each visit. */
  readonly create: (visit: Visit) => Model;
  readonly view: (model: Model, visit: Visit) => ComponentChildren;
}

export function beginPage<Model extends { close?(): void }>(options: PageOptions<Model>): void {
  const { search } = location;
  const storage = new PageStorage(
    storageAreaOf(() => localStorage),
    storagePrefix(search),
  );
  const listeners = new Set<() => void>();
  const store = {
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  let stay: { readonly visit: Visit; readonly model: Model } | undefined;
  const entrance = new Entrance({ link: createLoginLink(search), storage, search, onChange: follow });

  function follow(): void {
    const { current } = entrance;
    if (current.state === "inside") {
      if (!stay) stay = begin(current.account);
      else if (stay.visit.account !== current.account) stay.visit.become(current.account);
    } else if (current.state === "outside" && stay) {
      stay.model.close?.();
      stay.visit.close();
      stay = undefined;
    }
    for (const listener of listeners) listener();
  }

  function begin(account: Account) {
    const visit: Visit = new Visit({
      ...{ account, storage, search },
      logOut: () => void entrance.logOut(),
      onSessionEnd: (why) => {
        if (why === "unknown") void entrance.returnTo(visit.account);
        else entrance.leave("You logged out in another window.");
      },
    });
    return { visit, model: options.create(visit) };
  }

  function Page() {
    useChanges(store);
    if (entrance.current.state === "inside" && stay) return <>{options.view(stay.model, stay.visit)}</>;
    return <Door entrance={entrance} page={options.page} action={options.action} what={options.what} />;
  }

  addEventListener("online", () => stay?.visit.line.status.receiveDeviceOnline(true));
  addEventListener("offline", () => stay?.visit.line.status.receiveDeviceOnline(false));
  const host = document.getElementById("app");
  if (host) render(<Page />, host);
  void entrance.open();
}
