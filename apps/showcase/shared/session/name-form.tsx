/** Asks for a name, and says why one is not to be had. */
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { nameProblem } from "../../server/names.js";
import { Icon } from "../icon.js";
import { suggestName } from "./identity.js";

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
