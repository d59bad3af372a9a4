/** How the server does: charts of the last quarter of an hour, and what is wrong, if anything. */
import { useState } from "preact/hooks";
import type { InfoAnswer, LoadAnswer } from "../model/answers.js";
import { findConcerns } from "../model/concerns.js";
import { formatBytes, formatCount, formatDuration, formatMs } from "../model/format.js";
import { isLastingAbove, type Loads, lineOf, loadedUntil, type Measure, mergeLoads } from "../model/load.js";
import { linkTo } from "../model/place.js";
import { Chart } from "./chart.js";
import { goTo, useResource } from "./hooks.js";
import { Facts, Loading, ViewHead, type ViewProps } from "./parts.js";

interface MeasureView {
  readonly measure: Measure;
  readonly title: string;
  readonly hint: string;
  readonly format: (value: number) => string;
  readonly badAbove?: number;
}

const perSecond = (value: number) => `${formatCount(value)}/s`;
const bytesPerSecond = (value: number) => `${formatBytes(value)}/s`;

const measures: readonly MeasureView[] = [
  { measure: "connections", title: "Connections", hint: "open", format: formatCount },
  { measure: "subscriptions", title: "Subscriptions", hint: "readers of channels", format: formatCount },
  { measure: "published", title: "Publishes", hint: "made here", format: perSecond },
  { measure: "delivered", title: "Deliveries", hint: "to subscribers", format: perSecond },
  { measure: "sent_bytes", title: "Sent", hint: "to clients", format: bytesPerSecond },
  { measure: "received_bytes", title: "Received", hint: "from clients", format: bytesPerSecond },
  { measure: "behind", title: "Readers behind", hint: "slow connections", format: formatCount, badAbove: 0 },
  { measure: "loop_lag_ms", title: "Loop lag", hint: "longest delay", format: formatMs, badAbove: 250 },
];

export function Overview({ api }: ViewProps) {
  const [uid, setUid] = useState("");
  const load = useResource<Loads>(
    "load",
    async (signal, before) => {
      const after = before ? loadedUntil(before) : 0;
      return mergeLoads(before, await api.call<LoadAnswer>("load", { after }, signal));
    },
    2000,
  );
  const info = useResource<InfoAnswer>("info", (signal) => api.call("info", {}, signal), 10_000);
  const nodes = load.value?.nodes ?? [];
  const chosen = nodes.some((node) => node.uid === uid) ? uid : undefined;
  return (
    <>
      <ViewHead title="Overview">
        {nodes.length > 1 && (
          <label class="choice">
            <span class="small soft">Node</span>
            <select
              class="field"
              value={chosen ?? ""}
              onChange={(event) => setUid(event.currentTarget.value)}
            >
              <option value="">All {nodes.length}</option>
              {nodes.map((node) => (
                <option key={node.uid} value={node.uid}>
                  {node.name}
                </option>
              ))}
            </select>
          </label>
        )}
      </ViewHead>
      <Loading resource={load} what="figures" />
      <div class="charts">
        {load.value &&
          measures.map(({ measure, title, hint, format, badAbove }) => {
            const points = lineOf(load.value as Loads, measure, chosen);
            const isBad = badAbove !== undefined && isLastingAbove(points, badAbove);
            return (
              <Chart key={measure} {...{ title, hint, format, points, isBad }} testId={`chart-${measure}`} />
            );
          })}
      </div>
      <div class="columns">
        <Find />
        <Health info={info.value} />
      </div>
    </>
  );
}

function Health({ info }: { info: InfoAnswer | undefined }) {
  if (info === undefined) return null;
  const concerns = findConcerns(info);
  const sum = (count: (node: InfoAnswer["nodes"][number]) => number) =>
    info.nodes.reduce((total, node) => total + count(node), 0);
  return (
    <section class="panel" aria-labelledby="health">
      <h2 class="panel-heading" id="health">
        Health
      </h2>
      {concerns.length === 0 ? (
        <p class="good-line">Nothing is wrong that the nodes know of.</p>
      ) : (
        <ul class="concerns">
          {concerns.map((concern) => (
            <li key={concern}>{concern}</li>
          ))}
        </ul>
      )}
      <Facts
        facts={[
          ["Nodes", <a href={linkTo("nodes")}>{info.nodes.length}</a>],
          ["Users", formatCount(sum(({ num_users }) => num_users))],
          ["Channels in use", formatCount(sum(({ num_channels }) => num_channels))],
          ["Memory", formatBytes(sum(({ health }) => health?.resident_bytes ?? 0))],
          ["Recoveries", formatCount(sum(({ health }) => health?.recovered ?? 0))],
          ["Not recovered", formatCount(sum(({ health }) => health?.not_recovered ?? 0))],
          ["Up for", formatDuration(Math.max(0, ...info.nodes.map(({ uptime }) => uptime)))],
        ]}
      />
    </section>
  );
}

/** From a name to its view: at three in the morning, nobody wants to page through lists. */
function Find() {
  const [channel, setChannel] = useState("");
  const [user, setUser] = useState("");
  const open = (event: Event, link: string) => {
    event.preventDefault();
    goTo(link);
  };
  return (
    <section class="panel find" aria-labelledby="find">
      <h2 class="panel-heading" id="find">
        Look something up
      </h2>
      <form onSubmit={(event) => channel && open(event, linkTo("channel", channel))}>
        <label class="label" for="find-channel">
          A channel, by its name
        </label>
        <div class="with-button">
          <input
            id="find-channel"
            class="field"
            required
            autocapitalize="off"
            spellcheck={false}
            value={channel}
            onInput={(event) => setChannel(event.currentTarget.value)}
          />
          <button type="submit" class="button">
            Open
          </button>
        </div>
      </form>
      <form onSubmit={(event) => user && open(event, linkTo("connections", "", { user }))}>
        <label class="label" for="find-user">
          A user’s connections, by user id
        </label>
        <div class="with-button">
          <input
            id="find-user"
            class="field"
            required
            autocapitalize="off"
            spellcheck={false}
            value={user}
            onInput={(event) => setUser(event.currentTarget.value)}
          />
          <button type="submit" class="button">
            Find
          </button>
        </div>
      </form>
      <p class="small">
        Somebody did not get a message? <a href={linkTo("why")}>Ask why</a>.
      </p>
    </section>
  );
}
