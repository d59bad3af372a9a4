/** One channel: its rules and log, what was published, who reads it, and what one can do with it. */
import { useState } from "preact/hooks";
import type { InspectAnswer } from "../model/answers.js";
import { formatBytes, formatCount, formatDuration, formatExact, formatTime } from "../model/format.js";
import type { Point } from "../model/load.js";
import { linkTo } from "../model/place.js";
import { Chart } from "./chart.js";
import { ConnectionList } from "./connection-list.js";
import { useResource } from "./hooks.js";
import { ActionDialog, Done, Facts, Loading, NeedsScope, ViewHead, type ViewProps } from "./parts.js";
import { Publications } from "./publications.js";
import { PublishForm } from "./publish-form.js";

interface Inspected {
  readonly facts: InspectAnswer;
  readonly at: number;
  /** Publications a second, since the view was opened. */
  readonly rates: readonly Point[];
}

const maxRates = 450;

export function ChannelView({ api, access, name }: ViewProps & { name: string }) {
  const [isRemoving, setRemoving] = useState(false);
  const [said, setSaid] = useState<string>();
  const [reads, setReads] = useState(0);
  const channel = useResource<Inspected>(
    name,
    async (signal, before) =>
      addRate(await api.call<InspectAnswer>("inspect", { channel: name }, signal), Date.now(), before),
    2000,
  );
  const facts = channel.value?.facts;
  return (
    <>
      <ViewHead title={<span class="code-title">{name}</span>}>
        <p class="view-actions">
          <a class="button small" href={linkTo("why", "", { channel: name })}>
            Why did somebody not get it?
          </a>
          {access.may("admin") && (
            <button type="button" class="button small" onClick={() => setRemoving(true)}>
              Remove history
            </button>
          )}
        </p>
      </ViewHead>
      <Done said={said} onGone={() => setSaid(undefined)} />
      <Loading resource={channel} what="facts about this channel" />
      {facts && (
        <div class="columns">
          <section class="panel" aria-labelledby="log">
            <h2 class="panel-heading" id="log">
              Log and readers
            </h2>
            <LogFacts facts={facts} />
          </section>
          <Chart
            title="Publications"
            hint="since you look"
            points={channel.value?.rates ?? []}
            format={(value) => `${formatCount(value)}/s`}
            testId="chart-channel"
          />
          <section class="panel" aria-labelledby="rules">
            <h2 class="panel-heading" id="rules">
              Rules
            </h2>
            <RuleFacts facts={facts} />
          </section>
        </div>
      )}
      {facts && (
        <>
          {access.may("publish") ? (
            <PublishForm api={api} channel={name} kind={facts.kind} onDone={setSaid} />
          ) : (
            <NeedsScope scope="publish" what="Publishing" />
          )}
          <Publications key={reads} api={api} channel={name} />
          <section class="view-part" aria-labelledby="readers">
            <h2 class="part-title" id="readers">
              Readers
            </h2>
            <ConnectionList api={api} filter={{ channel: name }} channel={name} />
          </section>
        </>
      )}
      {isRemoving && (
        <ActionDialog
          title="Remove the history?"
          verb="Remove history"
          isDangerous
          onClose={() => setRemoving(false)}
          onDone={(done) => {
            setSaid(done);
            setReads(reads + 1);
            channel.refresh();
          }}
          act={async () => {
            await api.call("history_remove", { channel: name });
            return `The history of ${name} was removed.`;
          }}
        >
          <p>
            All publications of <code>{name}</code> that are kept go for good. Readers stay subscribed and the
            position stays; a client that was offline cannot recover what it missed.
          </p>
        </ActionDialog>
      )}
    </>
  );
}

function addRate(facts: InspectAnswer, at: number, before: Inspected | undefined): Inspected {
  const rates = before?.rates ?? [];
  if (before === undefined || before.facts.epoch !== facts.epoch) return { facts, at, rates };
  const seconds = (at - before.at) / 1000;
  const value = seconds > 0 ? Math.max(0, facts.offset - before.facts.offset) / seconds : 0;
  return { facts, at, rates: [...rates, { at, value }].slice(-maxRates) };
}

function LogFacts({ facts }: { facts: InspectAnswer }) {
  const { epoch, offset, oldest, newest_time: newest, num_clients: readers } = facts;
  return (
    <Facts
      facts={[
        ["Readers", <span data-testid="readers">{formatExact(readers)}</span>],
        ["Head", <span data-testid="head">{formatExact(offset)}</span>],
        ["Epoch", <span class="code">{epoch}</span>],
        ["Kept", oldest === undefined ? "nothing" : `${formatExact(oldest)} to ${formatExact(offset)}`],
        ["Newest", newest === undefined ? "–" : formatTime(newest, Date.now())],
      ]}
    />
  );
}

function RuleFacts({ facts }: { facts: InspectAnswer }) {
  const { pattern, kind, durability, history, presence, join_leave: joins, recovery, hooks } = facts;
  const { size, bytes, ttl_ms: ttl } = history;
  const kept = `${formatExact(size)} publications, ${formatBytes(bytes)}, ${formatDuration(ttl / 1000)}`;
  return (
    <Facts
      facts={[
        ["Pattern", pattern === undefined ? "the same for all" : <span class="code">{pattern}</span>],
        ["Kind", kind],
        ["Durability", durability],
        ["Retention", size === 0 || kind === "live" ? "none" : kept],
        ["Recovery", recovery],
        ["Presence", presence ? `on, joins and leaves ${joins ? "on" : "off"}` : "off"],
        hooks.length > 0 && ["Hooks", hooks.join(", ")],
      ]}
    />
  );
}
