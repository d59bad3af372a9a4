/** The page of the lab: settings, what goes on, and what came of it, whose code is loaded with the first run. */
import { useEffect, useState } from "preact/hooks";
import { PageFrame } from "../../shared/frame/page-frame.js";
import type { Visit } from "../../shared/frame/visit.js";
import { useChanges } from "../../shared/hooks.js";
import { command } from "../../shared/site-pages.js";
import type { Lab } from "../model/lab.js";
import { LiveTable, Progress } from "./live-table.js";
import { SettingsForm } from "./settings-form.js";

export function LabView({ lab, visit }: { lab: Lab; visit: Visit }) {
  useChanges(lab);
  const { state, result, problem, rows } = lab;
  const [resultView, setResultView] = useState<typeof import("./result-view.js")>();
  useEffect(() => {
    if (lab.isRunning) void import("./result-view.js").then(setResultView);
  }, [lab.isRunning]);
  return (
    <PageFrame visit={visit} page="lab">
      <div class="lab">
        <SettingsForm
          isRunning={lab.isRunning}
          onRun={(kind, request) =>
            void visit.askName().then((isNamed) => {
              if (isNamed) void lab.run(kind, request);
            })
          }
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
          {result && resultView && <resultView.ResultView result={result} />}
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
        <strong>This browser</strong> opens one reader for each transport: polling, long polling, server-sent
        events, an HTTP stream and a WebSocket, all at once, each from a separate server.
      </p>
      <p>
        <strong>Many users</strong> are simulated on the server’s machine, up to 300 per transport, one
        transport after the other. For thousands of users, and a report, run this in the Holdfast folder:{" "}
        <code>{command} lab</code>
      </p>
    </section>
  );
}
