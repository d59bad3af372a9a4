/** What is shown before a page, or why there is none; and the form for a name. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { nameProblem } from "../../server/text-rules.js";
import { Brand } from "../brand.js";
import { Icon } from "../icon.js";
import type { Entrance } from "./entrance.js";
import { suggestName } from "./identity.js";

export interface DoorProps {
  entrance: Entrance;
  /** Beside the brand. */
  page: string;
  /** What it is that a server without the showcase lacks, with a capital: "The chat". */
  what: string;
}

export function Door({ entrance, page, what }: DoorProps) {
  return (
    <main class="entry">
      <div class="entry-brand">
        <Brand page={page} />
      </div>
      <div class="entry-card">
        <DoorCard entrance={entrance} what={what} />
      </div>
    </main>
  );
}

function DoorCard({ entrance, what }: Omit<DoorProps, "page">) {
  const { current } = entrance;
  switch (current.state) {
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

export interface NameFormProps {
  /** Undefined where one is suggested. */
  present: string | undefined;
  /** What was wrong before. */
  problem?: string | undefined;
  /** What the button says. */
  action: string;
  /** Resolves with what is wrong, if anything. */
  onName: (name: string) => Promise<string | undefined>;
  /** Further buttons. */
  children?: ComponentChildren;
}

export function NameForm({ present, problem: before, action, onName, children }: NameFormProps) {
  const field = useRef<HTMLInputElement>(null);
  const [name, setName] = useState(() => present ?? suggestName(Math.random));
  const [problem, setProblem] = useState(before);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => field.current?.select(), []);
  useEffect(() => setProblem(before), [before]);
  const change = (next: string) => {
    setName(next);
    setProblem(undefined);
  };
  const submit = async (event: Event) => {
    event.preventDefault();
    if (isBusy) return;
    setBusy(true);
    setProblem(nameProblem(name) ?? (await onName(name)));
    setBusy(false);
  };
  return (
    <form onSubmit={(event) => void submit(event)} noValidate>
      <label class="name-label" for="name-field">
        Your name
      </label>
      <div class="name-row">
        <input
          ref={field}
          id="name-field"
          class="field"
          value={name}
          dir="auto"
          autocomplete="nickname"
          spellcheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby="name-problem"
          onInput={(event) => change(event.currentTarget.value)}
        />
        <button
          type="button"
          class="icon-button bordered"
          aria-label="Suggest another name"
          title="Suggest another name"
          onClick={() => change(suggestName(Math.random))}
        >
          <Icon name="dice" />
        </button>
      </div>
      <p id="name-problem" class="field-problem" role="alert">
        {problem}
      </p>
      <div class="dialog-actions">
        {children}
        <button type="submit" class="button primary" aria-disabled={isBusy}>
          {action}
        </button>
      </div>
    </form>
  );
}
