/** Begins a page: opens its line, as a guest or as who the server says this browser is, and shows what the page makes of it. */
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
import { AskNameDialog } from "../session/name-dialog.js";
import { PageStorage, storageAreaOf } from "../session/storage.js";
import { Visit } from "./visit.js";

const guest: Account = Object.freeze({ user: "", name: "Guest" });

export interface PageOptions<Model extends { close?(): void }> {
  /** Beside the brand, and before the first login. */
  readonly page: string;
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
  let isShown = false;
  let stay: { readonly visit: Visit; readonly model: Model } | undefined;
  const entrance = new Entrance({ link: createLoginLink(search), storage, search, onChange: follow });

  function follow(): void {
    const { current } = entrance;
    if (current.state === "inside") {
      if (!stay) stay = begin(current.account);
      else if (stay.visit.account !== current.account) stay.visit.become(current.account);
    } else if (current.state === "outside") {
      if (stay && !stay.visit.isGuest) {
        stay.model.close?.();
        stay.visit.close();
        stay = undefined;
      }
      stay ??= begin(guest);
    }
    if (current.state !== "asking") show();
    for (const listener of listeners) listener();
  }

  /** In the place of what the page has shown before. */
  function show(): void {
    const host = document.getElementById("app");
    if (host && !isShown) render(<Page />, host);
    isShown = true;
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
    visit.onChange(() => {
      for (const listener of listeners) listener();
    });
    return { visit, model: options.create(visit) };
  }

  function Page() {
    useChanges(store);
    if (!stay) return <Door entrance={entrance} page={options.page} what={options.what} />;
    const { visit, model } = stay;
    const problem = entrance.current.state === "outside" ? entrance.current.problem : undefined;
    return (
      <>
        {options.view(model, visit)}
        {visit.isAsking && <AskNameDialog entrance={entrance} onClose={() => visit.cancelName()} />}
        {problem !== undefined && !visit.isAsking && (
          <p class="page-note" role="status">
            {problem}
          </p>
        )}
      </>
    );
  }

  addEventListener("online", () => stay?.visit.line.status.receiveDeviceOnline(true));
  addEventListener("offline", () => stay?.visit.line.status.receiveDeviceOnline(false));
  void entrance.open();
}
