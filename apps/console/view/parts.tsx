/** Small parts that all views have: facts, states of loading, dialogs that ask before they act, and links. */
import type { ComponentChildren } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Dialog } from "../../showcase/shared/dialog.js";
import type { Access } from "../model/access.js";
import type { Api, Scope } from "../model/api.js";
import { messageOf } from "../model/api.js";
import { linkTo } from "../model/place.js";
import type { Resource } from "../model/resource.js";

/** What every view is given. */
export interface ViewProps {
  api: Api;
  access: Access;
}

export function ViewHead({ title, children }: { title: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="view-head">
      <h1 class="view-title" tabIndex={-1}>
        {title}
      </h1>
      {children}
    </div>
  );
}

export interface FactsProps {
  facts: readonly (readonly [string, ComponentChildren] | false)[];
  /** In as many columns as there is room for. */
  isSpread?: boolean;
}

export function Facts({ facts, isSpread = false }: FactsProps) {
  return (
    <dl class={isSpread ? "facts spread" : "facts"}>
      {facts.map((fact) => {
        if (fact === false) return undefined;
        const [name, value] = fact;
        return (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        );
      })}
    </dl>
  );
}

/** What stands in the place of something that is not there yet, or at all. */
export function Loading<T>({
  resource: { value, problem },
  what,
}: {
  resource: Resource<T>;
  /** Such as "channels". */
  what: string;
}) {
  if (problem !== undefined)
    return (
      <p class="note bad" role="alert">
        {value === undefined ? `No ${what} to show: ` : "Not current: "}
        {problem}
      </p>
    );
  if (value !== undefined) return null;
  return <p class="note loading">Loading {what} …</p>;
}

export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="note empty">{children}</p>;
}

export function ChannelLink({ name }: { name: string }) {
  return (
    <a class="code-link" href={linkTo("channel", name)}>
      {name}
    </a>
  );
}

export function UserName({ user }: { user: string }) {
  return user === "" ? <span class="soft">anonymous</span> : <span dir="auto">{user}</span>;
}

export interface PagerProps {
  number: number;
  next: string | undefined;
  onBack: () => void;
  onForth: (next: string) => void;
}

export function Pager({ number, next, onBack, onForth }: PagerProps) {
  if (number === 1 && next === undefined) return null;
  return (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" class="button small" disabled={number === 1} onClick={onBack}>
        Previous
      </button>
      <span class="small soft">Page {number}</span>
      <button
        type="button"
        class="button small"
        disabled={next === undefined}
        onClick={() => next !== undefined && onForth(next)}
      >
        Next
      </button>
    </nav>
  );
}

/** Says what a key lacks, in the place of what it could do. */
export function NeedsScope({ scope, what }: { scope: Scope; what: string }) {
  return (
    <p class="note">
      {what} needs a key with scope <code>{scope}</code>.
    </p>
  );
}

export interface ActionDialogProps {
  title: string;
  /** What the button says. */
  verb: string;
  isDangerous?: boolean;
  onClose: () => void;
  /** @returns what was done, in a sentence; throws what went wrong */
  act: () => Promise<string>;
  onDone: (said: string) => void;
  children: ComponentChildren;
}

/** Asks before it acts, shows what went wrong, and closes when it is done. */
export function ActionDialog({
  title,
  verb,
  isDangerous = false,
  onClose,
  act,
  onDone,
  children,
}: ActionDialogProps) {
  const [problem, setProblem] = useState<string>();
  const [isActing, setActing] = useState(false);
  const submit = async (event: Event) => {
    event.preventDefault();
    setActing(true);
    try {
      onDone(await act());
      onClose();
    } catch (error) {
      setProblem(messageOf(error));
      setActing(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form class="action" onSubmit={(event) => void submit(event)}>
        {children}
        {problem !== undefined && (
          <p class="field-problem" role="alert">
            {problem}
          </p>
        )}
        <div class="action-buttons">
          <button type="button" class="button" onClick={onClose}>
            Cancel
          </button>
          <button
            type="submit"
            class={`button primary ${isDangerous ? "dangerous" : ""}`}
            disabled={isActing}
          >
            {verb}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What was just done; read out, and gone after a while. */
export function Done({ said, onGone }: { said: string | undefined; onGone: () => void }) {
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(onGone, 6000);
    return () => clearTimeout(timer);
  }, [said]);
  return (
    <div class="done" role="status">
      {said !== undefined && <p>{said}</p>}
    </div>
  );
}
