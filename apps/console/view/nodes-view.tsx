/** The nodes of the server, each with its process, its broker, and its store. */
import type { ComponentChildren } from "preact";
import type { InfoAnswer, NodeAnswer, StoreHealth } from "../model/answers.js";
import { formatBytes, formatCount, formatDuration, formatExact, formatMs } from "../model/format.js";
import { useResource } from "./hooks.js";
import { Facts, Loading, ViewHead, type ViewProps } from "./parts.js";

export function NodesView({ api }: ViewProps) {
  const info = useResource<InfoAnswer>("nodes", (signal) => api.call("info", {}, signal), 5000);
  return (
    <>
      <ViewHead title="Nodes and store" />
      <Loading resource={info} what="nodes" />
      {info.value?.silent?.map(({ uid, name, version }) => (
        <p class="note bad" key={uid}>
          {name} (version {version}) has not answered in time.
        </p>
      ))}
      <div class="nodes" data-testid="nodes">
        {info.value?.nodes.map((node) => (
          <Node key={node.uid} node={node} />
        ))}
      </div>
    </>
  );
}

function Node({ node }: { node: NodeAnswer }) {
  const { uid, name, version, uptime, num_clients, num_users, num_subs, num_channels, health } = node;
  const store = health?.store;
  return (
    <section class="panel node" aria-labelledby={uid}>
      <h2 class="panel-heading" id={uid}>
        {name}{" "}
        <span class={`badge ${health?.broker_up === false ? "bad" : "good"}`}>
          {health?.broker_up === false ? "no broker" : "up"}
        </span>
      </h2>
      <div class="node-parts">
        <Part title="Use">
          <Facts
            facts={[
              ["Version", version],
              ["Up for", formatDuration(uptime)],
              ["Connections", formatExact(num_clients)],
              ["Users", formatExact(num_users)],
              ["Subscriptions", formatExact(num_subs)],
              ["Channels in use", formatExact(num_channels)],
            ]}
          />
        </Part>
        {health && (
          <Part title="Process">
            <Facts
              facts={[
                ["Memory", `${formatBytes(health.resident_bytes)}, heap ${formatBytes(health.heap_bytes)}`],
                [
                  "CPU",
                  `${formatDuration(health.cpu_seconds)}, ${share(health.cpu_seconds, uptime)} since the start`,
                ],
                ["Newest entries", formatBytes(health.ring_bytes)],
                ["Held for slow", formatBytes(health.held_bytes)],
                ["Errors", formatExact(health.errors)],
              ]}
            />
          </Part>
        )}
        {health && (
          <Part title="Broker">
            <Facts
              facts={[
                ["Kind", health.broker],
                ["Lost", `${formatExact(health.broker_disconnects)} times`],
                ["Repairs", `${formatExact(health.position_repairs)} times missed events were read again`],
                [
                  "Recoveries",
                  `${formatCount(health.recovered)}, and ${formatCount(health.not_recovered)} refused`,
                ],
              ]}
            />
          </Part>
        )}
        {store && (
          <Part title="Store">
            <StoreFacts store={store} />
          </Part>
        )}
      </div>
    </section>
  );
}

function Part({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <div>
      <h3 class="facts-title">{title}</h3>
      {children}
    </div>
  );
}

function StoreFacts({ store }: { store: StoreHealth }) {
  const { commits, commit_seconds: seconds, publications } = store;
  return (
    <Facts
      facts={[
        ["Channels kept", formatExact(store.channels)],
        ["Index", formatBytes(store.index_bytes)],
        ["Journal", formatBytes(store.journal_bytes)],
        ["On their way", formatBytes(store.pending_bytes)],
        ["Written", `${formatExact(publications)} publications in ${formatExact(commits)} writes`],
        ["A write", commits === 0 ? "–" : `${formatMs((seconds / commits) * 1000)} on average`],
      ]}
    />
  );
}

function share(seconds: number, uptime: number): string {
  return uptime <= 0 ? "–" : `${Math.round((seconds / uptime) * 1000) / 10} %`;
}
