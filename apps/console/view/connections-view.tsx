/** Users and connections: who is connected, from where, and who is behind. */
import { useEffect, useState } from "preact/hooks";
import { toPattern } from "../model/channels.js";
import { linkTo } from "../model/place.js";
import { ConnectionList } from "./connection-list.js";
import { replacePlace, useSettled } from "./hooks.js";
import { ViewHead, type ViewProps } from "./parts.js";

export function ConnectionsView({ api, query }: ViewProps & { query: Readonly<Record<string, string>> }) {
  const [user, setUser] = useState(query.user ?? "");
  const [channel, setChannel] = useState(query.channel ?? "");
  const [isExact, setExact] = useState(query.user !== undefined && query.search === undefined);
  const [isBehind, setBehind] = useState(query.behind === "1");
  const [settledUser, settledChannel] = [useSettled(user), useSettled(channel)];
  useEffect(() => {
    const kept = {
      user: settledUser,
      channel: settledChannel,
      search: isExact ? "" : "1",
      behind: isBehind ? "1" : "",
    };
    replacePlace(linkTo("connections", "", settledUser === "" ? { ...kept, search: "" } : kept));
  }, [settledUser, settledChannel, isExact, isBehind]);
  const pattern = toPattern(settledUser);
  const filter = {
    ...(pattern !== undefined && (isExact ? { user: settledUser.trim() } : { user_pattern: pattern })),
    ...(settledChannel.trim() !== "" && { channel: settledChannel.trim() }),
    ...(isBehind && { behind: true }),
  };
  return (
    <>
      <ViewHead title="Connections" />
      <div class="filters">
        <label class="filter">
          <span class="label">User</span>
          <input
            type="search"
            class="field"
            autocapitalize="off"
            spellcheck={false}
            placeholder="ann, or team-*"
            value={user}
            onInput={(event) => {
              setUser(event.currentTarget.value);
              setExact(false);
            }}
          />
        </label>
        <label class="filter">
          <span class="label">Subscribed to</span>
          <input
            type="search"
            class="field"
            autocapitalize="off"
            spellcheck={false}
            placeholder="the whole name of a channel"
            value={channel}
            onInput={(event) => setChannel(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input
            type="checkbox"
            checked={isBehind}
            onChange={(event) => setBehind(event.currentTarget.checked)}
          />
          Only those that are behind
        </label>
      </div>
      <ConnectionList api={api} filter={filter} />
    </>
  );
}
