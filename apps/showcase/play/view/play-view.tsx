/** The page: samples, the editor, and the two clients side by side. */
import { useState } from "preact/hooks";
import { Brand } from "../../shared/brand.js";
import { pageHeads } from "../../shared/frame/page-heads.js";
import { useChanges } from "../../shared/hooks.js";
import { SiteNav } from "../../shared/site-nav.js";
import type { Playground } from "../model/playground.js";
import { samples } from "../model/samples.js";
import { toFragment } from "../model/share.js";
import { ClientPane } from "./client-pane.js";
import { Editor } from "./editor.js";

export function PlayView({ playground }: { playground: Playground }) {
  useChanges(playground);
  const { code, sample, running, runs, problems, note } = playground;
  const isRunning = running.length > 0;
  const marked = new Set(problems.flatMap(({ line }) => line ?? []));
  return (
    <div class="page">
      <header class="page-header">
        <Brand page="playground" />
        <SiteNav />
      </header>
      <main class="page-main play">
        <div class="play-intro">
          <h1 class="page-title">{pageHeads.play.title}</h1>
          <p class="page-lead">{pageHeads.play.lead}</p>
        </div>
        <section class="play-code panel" aria-label="Code">
          <div class="play-bar">
            <label>
              <span class="play-label">Sample</span>
              <select
                class="field"
                value={sample?.id ?? ""}
                onChange={(event) => playground.open(event.currentTarget.value)}
              >
                {!sample && <option value="">Your own code</option>}
                {samples.map(({ id, title }) => (
                  <option key={id} value={id}>
                    {title}
                  </option>
                ))}
              </select>
            </label>
            <ShareButton playground={playground} />
          </div>
          <p class="play-lead" role="status">
            {note ?? sample?.lead ?? "Your own code. It stays in this page; a link carries it to others."}
          </p>
          <Editor
            code={code}
            marked={marked}
            onEdit={(next) => playground.edit(next)}
            onRun={() => playground.run()}
          />
          <div class="play-problems" role="alert">
            {problems.map(({ client, message, line }, index) => (
              <p key={index} class="field-problem" dir="auto">
                {line === undefined ? `Client ${client}` : `Client ${client}, line ${line}`}: {message}
              </p>
            ))}
          </div>
          <div class="play-actions">
            <button type="button" class="button primary" onClick={() => playground.run()}>
              {isRunning ? "Run again" : "Run"}
            </button>
            <button type="button" class="button" disabled={!isRunning} onClick={() => playground.stop()}>
              Stop
            </button>
            <p id="editor-keys" class="soft small">
              <kbd>Ctrl</kbd> <kbd>Enter</kbd> runs. The code has <code>connect</code>, <code>button</code>,{" "}
              <code>me</code> and <code>room</code>.
            </p>
          </div>
        </section>
        <div class="play-clients">
          {isRunning
            ? running.map((client) => (
                <ClientPane key={`${runs} ${client.me}`} playground={playground} client={client} />
              ))
            : ["A", "B"].map((me) => (
                <section key={me} class="client empty" aria-label={`Client ${me}`}>
                  <div class="client-head">
                    <h2>Client {me}</h2>
                  </div>
                  <p class="soft">Press Run: its output appears here, and its messages below.</p>
                </section>
              ))}
        </div>
        <p class="soft small play-note">
          The code runs in a sandboxed frame without cookies, storage or network of its own, and reaches this
          server as a guest. What it publishes, everybody with the same link sees; it is kept for ten minutes.
        </p>
      </main>
    </div>
  );
}

function ShareButton({ playground }: { playground: Playground }) {
  const [said, say] = useState("");
  const share = async () => {
    const { code, room } = playground;
    const address = new URL(await toFragment({ code, room }), location.href).href;
    history.replaceState(null, "", address);
    // Without HTTPS there is no clipboard.
    const isCopied = await (navigator.clipboard?.writeText(address) ?? Promise.reject()).then(
      () => true,
      () => false,
    );
    say(isCopied ? "Link copied" : "The link is in the address bar");
    setTimeout(() => say(""), 4000);
  };
  return (
    <div class="play-share">
      <span class="soft small" role="status">
        {said}
      </span>
      <button type="button" class="button" onClick={() => void share()}>
        Share as a link
      </button>
    </div>
  );
}
