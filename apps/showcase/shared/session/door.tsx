/** What there is before a page: a name to log in under, or why there is no page. */
import type { ComponentChildren } from "preact";
import { Brand } from "../brand.js";
import type { Entrance } from "./entrance.js";
import { NameForm } from "./name-form.js";

export interface DoorProps {
  entrance: Entrance;
  /** Beside the brand. */
  page: string;
  /** What the button says. */
  action: string;
  /** What it is that a server without the showcase lacks, with a capital: "The chat". */
  what: string;
}

export function Door({ entrance, page, action, what }: DoorProps) {
  return (
    <main class="entry">
      <div class="entry-brand">
        <Brand page={page} />
      </div>
      <div class="entry-card">
        <DoorCard entrance={entrance} action={action} what={what} />
      </div>
    </main>
  );
}

function DoorCard({ entrance, action, what }: Omit<DoorProps, "page">) {
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
            action={action}
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
        <Notice title={`${what} is not running here`}>
          This server was started without it. With it: <code>npm start</code>, in the folder of Holdfast.
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
          Opening …
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
