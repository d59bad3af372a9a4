/** The page of the lab: settings, what goes on, and what came of it. */
import { command } from "../../shared/command.js";
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import type { Lab } from "../model/lab.js";
import { LiveTable, Progress } from "./live-table.js";
import { ResultView } from "./result-view.js";
import { SettingsForm } from "./settings-form.js";

export function LabView({ lab, visit }: { lab: Lab; visit: Visit }) {
  useChanges(lab);
  const { state, result, problem, rows } = lab;
  return (
    <PageFrame
      visit={visit}
      page="lab"
      title="What does it cost to be told?"
      lead={
        <>
          The same messages, read over each transport from a server of its own. Everything is measured while
          you watch: bytes on the sockets, header fields included, the delay of each message, and the server’s
          processor time.
        </>
      }
    >
      <div class="lab">
        <SettingsForm
          isRunning={lab.isRunning}
          onRun={(kind, request) => void lab.run(kind, request)}
          onStop={() => lab.stop()}
        />
        <div class="lab-stage">
          {problem && (
            <p class="panel lab-problem" role="alert">
              {problem}
            </p>
          )}
          <Progress state={state} />
          {rows.length > 0 && !result && <LiveTable rows={rows} />}
          {result && <ResultView result={result} />}
          {!result && !lab.isRunning && !problem && <Before />}
        </div>
      </div>
    </PageFrame>
  );
}

function Before() {
  return (
    <section class="panel lab-before">
      <h2 class="panel-heading">Nothing measured yet</h2>
      <p>
        <strong>This browser</strong> opens one reader of each kind: it polls, waits in long polls, reads
        server-sent events and an HTTP stream, and keeps a WebSocket, all at once, each from a server of its
        own.
      </p>
      <p>
        <strong>Many users</strong> are played by the server’s machine, up to 300 of each kind, one kind after
        the other. For thousands, and a report to keep, in the folder of Holdfast: <code>{command} lab</code>
      </p>
    </section>
  );
}
