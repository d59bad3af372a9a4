/** The options in force, without secrets, and the channels of the application. */
import { useState } from "preact/hooks";
import type { ConfigAnswer, SettingAnswer } from "../model/answers.js";
import { formatDuration, formatExact, formatValue } from "../model/format.js";
import { groupSettings } from "../model/settings.js";
import { useResource } from "./hooks.js";
import { Empty, Loading, NeedsScope, ViewHead, type ViewProps } from "./parts.js";

export function ConfigView({ api, access }: ViewProps) {
  if (!access.may("admin"))
    return (
      <>
        <ViewHead title="Configuration" />
        <NeedsScope scope="admin" what="The configuration" />
      </>
    );
  return <Config api={api} />;
}

function Config({ api }: Pick<ViewProps, "api">) {
  const [search, setSearch] = useState("");
  const [isChanged, setChanged] = useState(false);
  const config = useResource<ConfigAnswer>("config", (signal) => api.call("config", {}, signal));
  const { value } = config;
  const groups = value ? groupSettings(value.settings, search, isChanged) : [];
  return (
    <>
      <ViewHead title="Configuration">
        {value && (
          <p class="small soft">
            Version {value.version}, as node {value.node} has it. Secrets are masked.
          </p>
        )}
      </ViewHead>
      <div class="filters">
        <label class="filter wide">
          <span class="label">Search options</span>
          <input
            type="search"
            class="field"
            autocapitalize="off"
            spellcheck={false}
            value={search}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isChanged}
            onChange={(event) => setChanged(event.currentTarget.checked)}
          />
          Only those that were set
        </label>
      </div>
      <Loading resource={config} what="configuration" />
      {value && groups.length === 0 && <Empty>No option matches.</Empty>}
      <div class="settings">
        {groups.map(([section, settings]) => (
          <section key={section} class="panel" aria-label={section}>
            <h2 class="panel-heading">{section}</h2>
            <dl class="setting-list">
              {settings.map((setting) => (
                <Setting key={setting.option} setting={setting} />
              ))}
            </dl>
          </section>
        ))}
      </div>
      {value && value.channels.length > 0 && <Channels channels={value.channels} />}
    </>
  );
}

function Setting({ setting: { option, value, is_default: isDefault, doc } }: { setting: SettingAnswer }) {
  return (
    <div class="setting">
      <dt>
        <code>{option}</code>
      </dt>
      <dd>
        <span class="setting-value">{formatValue(option, value)}</span>
        {!isDefault && <span class="badge">set</span>}
        <span class="setting-doc">{doc.replaceAll("`", "")}</span>
      </dd>
    </div>
  );
}

function Channels({ channels }: { channels: ConfigAnswer["channels"] }) {
  return (
    <section class="view-part" aria-labelledby="patterns">
      <h2 class="part-title" id="patterns">
        Channels of the application
      </h2>
      <div class="table-frame">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Pattern</th>
              <th scope="col">Kind</th>
              <th scope="col">Durability</th>
              <th scope="col">Retention</th>
              <th scope="col">Subscribe</th>
              <th scope="col">Publish</th>
            </tr>
          </thead>
          <tbody>
            {channels.map(({ pattern = "", kind, durability, history, allow }) => (
              <tr key={pattern}>
                <th scope="row" class="code">
                  {pattern}
                </th>
                <td data-label="Kind">{kind}</td>
                <td data-label="Durability">{durability}</td>
                <td data-label="Retention">
                  {history.size === 0
                    ? "none"
                    : `${formatExact(history.size)}, ${formatDuration(history.ttl_ms / 1000)}`}
                </td>
                <td data-label="Subscribe">{allow.subscribe}</td>
                <td data-label="Publish">{allow.publish}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}
