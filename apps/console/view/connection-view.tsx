/** One connection: whose it is, where its subscriptions stand, and what one can do with it. */
import { useState } from "preact/hooks";
import type { ConnectionAnswer, ConnectionsAnswer } from "../model/answers.js";
import type { Api } from "../model/api.js";
import { formatBytes, formatDuration, formatExact, formatTime } from "../model/format.js";
import { parseData } from "../model/parse-data.js";
import { linkTo } from "../model/place.js";
import { softwareOf } from "../model/software.js";
import { useResource } from "./hooks.js";
import {
  ActionDialog,
  ChannelLink,
  Done,
  Empty,
  Facts,
  Loading,
  NeedsScope,
  UserName,
  ViewHead,
  type ViewProps,
} from "./parts.js";

type Action = "disconnect" | "message";

export function ConnectionView({ api, access, client }: ViewProps & { client: string }) {
  const [action, setAction] = useState<Action>();
  const [said, setSaid] = useState<string>();
  const found = useResource<ConnectionsAnswer>(
    client,
    (signal) => api.call("connections", { client, subscriptions: true, limit: 1 }, signal),
    2000,
  );
  const connection = found.value?.connections[0];
  const close = () => setAction(undefined);
  return (
    <>
      <ViewHead title={connection ? <UserName user={connection.user} /> : "Connection"}>
        {connection && (
          <p class="view-actions">
            {connection.user !== "" && (
              <a class="button small" href={linkTo("connections", "", { user: connection.user })}>
                All of this user
              </a>
            )}
            {access.may("publish") && (
              <button type="button" class="button small" onClick={() => setAction("message")}>
                Send a message
              </button>
            )}
            {access.may("admin") && (
              <button type="button" class="button small" onClick={() => setAction("disconnect")}>
                Disconnect
              </button>
            )}
          </p>
        )}
      </ViewHead>
      <Done said={said} onGone={() => setSaid(undefined)} />
      <Loading resource={found} what="connection" />
      {found.value && !connection && (
        <Empty>
          Connection <code>{client}</code> is not open any more. <a href={linkTo("why")}>Ask why</a> what
          became of it.
        </Empty>
      )}
      {connection && (
        <>
          <section class="panel" aria-label="Facts">
            <ConnectionFacts connection={connection} />
          </section>
          {!access.may("admin") && <NeedsScope scope="admin" what="Disconnecting" />}
          <Subscriptions connection={connection} />
        </>
      )}
      {connection && action === "disconnect" && (
        <DisconnectDialog {...{ api, connection }} onClose={close} onDone={setSaid} />
      )}
      {connection && action === "message" && (
        <MessageDialog {...{ api, connection }} onClose={close} onDone={setSaid} />
      )}
    </>
  );
}

function ConnectionFacts({ connection }: { connection: ConnectionAnswer }) {
  const { client, address, transport, codec, node, unsent_bytes: unsent } = connection;
  const { opened_at: openedAt, behind_since: behindSince } = connection;
  const now = Date.now();
  const since = (time: number) => `${formatTime(time, now)}, ${formatDuration((now - time) / 1000)} ago`;
  return (
    <Facts
      isSpread
      facts={[
        ["Connection", <span class="code">{client}</span>],
        ["From", <span class="code">{address ?? "not known"}</span>],
        ["Over", codec === undefined ? transport : `${transport}, ${codec}`],
        ["Client", softwareOf(connection)],
        ["Opened", since(openedAt)],
        ["Unsent", formatBytes(unsent)],
        behindSince !== undefined && ["Behind", <strong class="bad-text">since {since(behindSince)}</strong>],
        ["Node", node],
      ]}
    />
  );
}

function Subscriptions({
  connection: { subscriptions = [], num_channels: count, user },
}: {
  connection: ConnectionAnswer;
}) {
  return (
    <section class="view-part" aria-labelledby="subscriptions">
      <h2 class="part-title" id="subscriptions">
        Subscriptions
      </h2>
      {subscriptions.length === 0 && <Empty>It is subscribed to nothing.</Empty>}
      {subscriptions.length > 0 && (
        <div class="table-frame">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Channel</th>
                <th scope="col" class="number">
                  Given
                </th>
                <th scope="col" class="number">
                  Head
                </th>
                <th scope="col" class="number">
                  Lag
                </th>
                <th scope="col">State</th>
                <th scope="col">
                  <span class="unseen">Question</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {subscriptions.map(({ channel, offset, head, state }) => (
                <tr key={channel}>
                  <th scope="row">
                    <ChannelLink name={channel} />
                  </th>
                  <td class="number" data-label="Given">
                    {formatExact(offset)}
                  </td>
                  <td class="number" data-label="Head">
                    {formatExact(head)}
                  </td>
                  <td class="number" data-label="Lag">
                    {formatExact(Math.max(0, head - offset))}
                  </td>
                  <td data-label="State">
                    <span class={`badge ${state === "live" ? "good" : "wait"}`}>{state}</span>
                  </td>
                  <td data-label="">
                    <a href={linkTo("why", "", { channel, user })} aria-label={`Ask why about ${channel}`}>
                      Why?
                    </a>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {count > subscriptions.length && (
        <p class="note">
          {subscriptions.length} of {formatExact(count)} are shown.
        </p>
      )}
    </section>
  );
}

interface DialogProps {
  api: Api;
  connection: ConnectionAnswer;
  onClose: () => void;
  onDone: (said: string) => void;
}

/** Codes after which SDKs come back, and do not. */
const reasons = {
  back: { code: 3000, reason: "disconnected by the operator" },
  away: { code: 3503, reason: "force disconnect" },
} as const;

function DisconnectDialog({ api, connection: { user, client }, onClose, onDone }: DialogProps) {
  const [isAll, setAll] = useState(false);
  const [isBack, setBack] = useState(false);
  const who = user || "the anonymous client";
  return (
    <ActionDialog
      title={`Disconnect ${who}?`}
      verb="Disconnect"
      isDangerous
      onClose={onClose}
      onDone={onDone}
      act={async () => {
        const disconnect = isBack ? reasons.back : reasons.away;
        await api.call("disconnect", { user, ...(!isAll && { client }), disconnect });
        return isAll ? `All connections of ${who} were ended.` : `The connection of ${who} was ended.`;
      }}
    >
      {user !== "" && (
        <label class="check">
          <input type="checkbox" checked={isAll} onChange={(event) => setAll(event.currentTarget.checked)} />
          All connections of this user, on all nodes
        </label>
      )}
      <label class="check">
        <input type="checkbox" checked={isBack} onChange={(event) => setBack(event.currentTarget.checked)} />
        The client may reconnect at once
      </label>
      <p class="small soft">
        Without it, SDKs stay away until the page is loaded again. Somebody with a valid token can always
        connect: to keep a user out, revoke its tokens.
      </p>
    </ActionDialog>
  );
}

function MessageDialog({ api, connection: { user, client }, onClose, onDone }: DialogProps) {
  const [text, setText] = useState("");
  return (
    <ActionDialog
      title={`Send a message to ${user || "the anonymous client"}`}
      verb="Send"
      onClose={onClose}
      onDone={onDone}
      act={async () => {
        const parsed = parseData(text);
        if ("fault" in parsed) throw new Error(parsed.fault);
        await api.call("send", { user, client, data: parsed.data });
        return "The message was sent.";
      }}
    >
      <label class="label" for="message">
        Data, as JSON
      </label>
      <textarea
        id="message"
        class="field code"
        rows={4}
        spellcheck={false}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <p class="small soft">It goes to this connection, outside channels. Clients get it as a message.</p>
    </ActionDialog>
  );
}
