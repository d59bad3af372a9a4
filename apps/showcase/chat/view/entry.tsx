/** What there is before the chat: a name to log in under, or why there is no chat. */
import type { ComponentChildren } from "preact";
import { Brand } from "../../shared/brand.js";
import { type Changing, useChanges } from "../../shared/hooks.js";
import type { Chat } from "../model/chat.js";
import type { Entrance } from "../model/entrance.js";
import type { Moderator } from "../model/moderator.js";
import { App } from "./app.js";
import { NameForm } from "./name-form.js";

export interface EntryProps {
  store: Changing;
  entrance: Entrance;
  moderator: Moderator;
  /** There from the first login on. */
  chat: () => Chat | undefined;
}

export function Entry({ store, entrance, moderator, chat }: EntryProps) {
  useChanges(store);
  const { current } = entrance;
  const entered = chat();
  if (current.state === "inside" && entered)
    return <App chat={entered} entrance={entrance} moderator={moderator} />;
  return (
    <main class="entry">
      <div class="entry-brand">
        <Brand page="chat" />
      </div>
      <div class="entry-card">
        <EntryCard entrance={entrance} />
      </div>
    </main>
  );
}

function EntryCard({ entrance }: { entrance: Entrance }) {
  const { current } = entrance;
  switch (current.state) {
    case "outside":
      return (
        <>
          <h1 class="display-title">Welcome aboard</h1>
          <p class="soft">What should the others call you? Keep this one, or make it yours.</p>
          <NameForm
            present={entrance.lastName}
            problem={current.problem}
            action="Join the chat"
            onName={(name) => entrance.logIn(name)}
          />
          <p class="soft small entry-note">
            There is no password: this browser has the name until you log out, or for 30 days after your last
            visit, and nobody else can take it meanwhile.
          </p>
        </>
      );
    case "absent":
      return (
        <Notice title="The chat is not running here">
          This server was started without it. With it: <code>npx holdfast serve --showcase</code>
        </Notice>
      );
    case "unreachable":
      return (
        <Notice title="The server does not answer">
          <button type="button" class="button" onClick={() => void entrance.open()}>
            Try again
          </button>
        </Notice>
      );
    default:
      return (
        <p class="soft" role="status">
          Opening the chat …
        </p>
      );
  }
}

function Notice({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <>
      <h1 class="display-title">{title}</h1>
      <p class="soft entry-notice">{children}</p>
    </>
  );
}
