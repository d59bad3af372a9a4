/** Asks for a key of the server's API. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Access } from "../model/access.js";
import { BrandMark } from "./app.js";

export function Entrance({ access }: { access: Access }) {
  const { current } = access;
  const [key, setKey] = useState("");
  const field = useRef<HTMLInputElement>(null);
  const isAsking = current.state === "asking";
  const problem = current.state === "outside" ? current.problem : undefined;
  useEffect(() => {
    document.title = "Console · Holdfast";
    field.current?.focus();
  }, [problem]);
  return (
    <div class="page entrance">
      <header class="page-header console-header">
        <BrandMark />
      </header>
      <main class="entrance-main">
        <form
          class="panel entrance-form"
          onSubmit={(event) => {
            event.preventDefault();
            if (key.trim() !== "") void access.enter(key.trim());
          }}
        >
          <h1 class="view-title">Console</h1>
          <p class="soft">What this server has and does, for those who run it.</p>
          <label class="label" for="key">
            Key of the server’s API
          </label>
          <input
            ref={field}
            id="key"
            class="field"
            type="password"
            autocomplete="current-password"
            autocapitalize="off"
            spellcheck={false}
            required
            value={key}
            aria-describedby={problem === undefined ? "key-hint" : "key-problem key-hint"}
            aria-invalid={problem !== undefined}
            onInput={(event) => setKey(event.currentTarget.value)}
          />
          {problem !== undefined && (
            <p class="field-problem" id="key-problem" role="alert">
              {problem}
            </p>
          )}
          <button type="submit" class="button primary" disabled={isAsking}>
            {isAsking ? "Asking the server …" : "Enter"}
          </button>
          <p class="small soft" id="key-hint">
            One of <code>apiKeys</code>. This tab keeps it until it is closed; it is sent in a header, and
            never in an address. With scope <code>read</code> you can look, with <code>publish</code> publish,
            and with <code>admin</code> do everything.
          </p>
        </form>
      </main>
    </div>
  );
}
