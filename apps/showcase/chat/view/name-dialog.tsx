/** Asks for a name: once at the first visit, and whenever the person wants another. */
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon } from "../../shared/icon.js";
import { nameProblem, suggestName } from "../model/identity.js";

export interface NameDialogProps {
  /** Undefined at the first visit. */
  present: string | undefined;
  onName: (name: string) => void;
  onCancel: () => void;
}

export function NameDialog({ present, onName, onCancel }: NameDialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const [name, setName] = useState(() => present ?? suggestName(Math.random));
  const [problem, setProblem] = useState<string>();
  const isFirstVisit = present === undefined;
  useEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    field.current?.select();
    // Closing gives the focus back to where it was.
    return () => opened?.close();
  }, []);
  const change = (next: string) => {
    setName(next);
    setProblem(undefined);
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const found = nameProblem(name);
    setProblem(found);
    if (found === undefined) onName(name);
  };
  return (
    <dialog
      ref={dialog}
      class="dialog name-dialog"
      aria-labelledby="name-title"
      onCancel={(event) => {
        event.preventDefault();
        if (!isFirstVisit) onCancel();
      }}
    >
      <form onSubmit={submit} noValidate>
        <h2 id="name-title" class="display-title">
          {isFirstVisit ? "Welcome aboard" : "A new name"}
        </h2>
        <p class="soft">
          {isFirstVisit
            ? "What should the others call you? Keep this one, or make it yours."
            : "Everyone in your rooms sees the new name at once. Older messages keep the old one."}
        </p>
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
          {!isFirstVisit && (
            <button type="button" class="button" onClick={onCancel}>
              Cancel
            </button>
          )}
          <button type="submit" class="button primary">
            {isFirstVisit ? "Join the chat" : "Change name"}
          </button>
        </div>
      </form>
    </dialog>
  );
}
