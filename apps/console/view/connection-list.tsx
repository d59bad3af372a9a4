/** Connections that a filter finds, by id, page by page. */
import { useEffect, useMemo } from "preact/hooks";
import { useChanges } from "../../showcase/shared/hooks.js";
import type { ConnectionAnswer, ConnectionsAnswer } from "../model/answers.js";
import type { Api } from "../model/api.js";
import { formatBytes, formatDuration, formatExact } from "../model/format.js";
import { Pages } from "../model/pages.js";
import { linkTo } from "../model/place.js";
import { softwareOf } from "../model/software.js";
import { useResource } from "./hooks.js";
import { Empty, Loading, Pager, UserName } from "./parts.js";

export interface ConnectionListProps {
  api: Api;
  /** Parameters of the API's method. */
  filter: Readonly<Record<string, string | boolean>>;
  /** Whose subscription is shown. */
  channel?: string;
}

const pageSize = 50;

export function ConnectionList({ api, filter, channel }: ConnectionListProps) {
  const pages = useMemo(() => new Pages(), []);
  useChanges(pages);
  const wanted = JSON.stringify(filter);
  useEffect(() => pages.reset(), [wanted]);
  const { after, number } = pages;
  const params = {
    ...filter,
    limit: pageSize,
    ...(channel && { subscriptions: true }),
    ...(after && { after }),
  };
  const list = useResource<ConnectionsAnswer>(
    `${wanted} ${after}`,
    (signal) => api.call("connections", params, signal),
    5000,
  );
  const { value } = list;
  return (
    <>
      <Loading resource={list} what="connections" />
      {value?.connections.length === 0 && (
        <Empty>{wanted === "{}" ? "Nobody is connected." : "No connection matches."}</Empty>
      )}
      {value && value.connections.length > 0 && (
        <div class="table-frame">
          <table class="list" data-testid="connections">
            <thead>
              <tr>
                <th scope="col">User</th>
                <th scope="col">From</th>
                <th scope="col">Over</th>
                <th scope="col">Client</th>
                <th scope="col" class="number">
                  Open for
                </th>
                <th scope="col" class="number">
                  {channel === undefined ? "Channels" : "Lag"}
                </th>
                <th scope="col" class="number">
                  Unsent
                </th>
                <th scope="col">Node</th>
              </tr>
            </thead>
            <tbody>
              {value.connections.map((each) => (
                <ConnectionRow key={each.client} connection={each} channel={channel} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      <Pager
        number={number}
        next={value?.next}
        onBack={() => pages.back()}
        onForth={(next) => pages.forth(next)}
      />
    </>
  );
}

function ConnectionRow({
  connection,
  channel,
}: {
  connection: ConnectionAnswer;
  channel: string | undefined;
}) {
  const { client, user, address, transport, codec, node, behind_since: behindSince } = connection;
  const place = connection.subscriptions?.find((each) => each.channel === channel);
  return (
    <tr>
      <th scope="row">
        <a href={linkTo("connection", client)} aria-label={`${user || "anonymous"}, connection ${client}`}>
          <UserName user={user} />
        </a>
        {behindSince !== undefined && <span class="badge wait">behind</span>}
      </th>
      <td class="code" data-label="From">
        {address ?? "–"}
      </td>
      <td data-label="Over">
        {transport}
        {codec !== undefined && <span class="soft"> {codec}</span>}
      </td>
      <td data-label="Client">{softwareOf(connection)}</td>
      <td class="number" data-label="Open for">
        {formatDuration((Date.now() - connection.opened_at) / 1000)}
      </td>
      <td class="number" data-label={channel === undefined ? "Channels" : "Lag"}>
        {channel === undefined
          ? formatExact(connection.num_channels)
          : place === undefined
            ? "–"
            : formatExact(Math.max(0, place.head - place.offset))}
      </td>
      <td class="number" data-label="Unsent">
        {formatBytes(connection.unsent_bytes)}
      </td>
      <td class="soft" data-label="Node">
        {node}
      </td>
    </tr>
  );
}
