/** Methods of the API that look at what a server has and does, and change nothing: for `holdfast inspect` and others, and the console. */
import { z } from "zod";
import type { ConnectionUse } from "../../channels/cluster.js";
import { type ApiMethod, method } from "./api-method.js";
import * as schemas from "./schemas.js";

export const inspectionMethods: readonly (readonly [string, ApiMethod])[] = [
  [
    "channels",
    method({
      summary: "Lists the channels with subscribers",
      scope: "read",
      params: schemas.channels,
      result: z.object({
        channels: z.record(z.string(), schemas.listedChannel),
        next: z.string().optional().describe("for `after`, if there may be more"),
      }),
      run: async ({ pattern, limit, after, positions }, { control }) => {
        const page =
          limit === undefined
            ? undefined
            : {
                limit,
                ...(after !== undefined && { after }),
                ...(positions && { hasPositions: true as const }),
              };
        const channels = await control.channels(pattern, page);
        if ("code" in channels) return { error: channels };
        const next = channels.length === limit ? channels.at(-1)?.name : undefined;
        return {
          ...(next !== undefined && { next }),
          channels: Object.fromEntries(
            channels.map(({ name, numClients, position }) => [
              name,
              { num_clients: numClients, ...position },
            ]),
          ),
        };
      },
    }),
  ],
  [
    "connections",
    method({
      summary: "Lists connections, of a user or of a channel",
      scope: "read",
      params: schemas.connections,
      result: z.object({
        connections: z.array(schemas.connection),
        next: z.string().optional().describe("for `after`, if there may be more"),
      }),
      run: async (params, { control }) => {
        const {
          user,
          user_pattern: userPattern,
          client,
          channel,
          behind,
          subscriptions,
          limit,
          after,
        } = params;
        const found = await control.connections({
          limit,
          ...(user !== undefined && { user }),
          ...(userPattern !== undefined && { userPattern }),
          ...(client !== undefined && { client }),
          ...(channel !== undefined && { channel }),
          ...(after !== undefined && { after }),
          ...(behind && { isBehind: true }),
          ...(subscriptions && { hasSubscriptions: true }),
        });
        if ("code" in found) return { error: found };
        const next = found.length === limit ? found.at(-1)?.client : undefined;
        return { connections: found.map(toConnection), ...(next !== undefined && { next }) };
      },
    }),
  ],
  [
    "inspect",
    method({
      summary: "Describes a channel: its rules, its log and its readers",
      scope: "read",
      params: schemas.ofChannel,
      result: schemas.inspected,
      run: async ({ channel }, { control }) => {
        const report = await control.inspect(channel);
        if ("code" in report) return { error: report };
        const { position, oldest, newestTime, numClients } = report;
        return {
          ...schemas.toDescribedChannel(report),
          ...position,
          ...(oldest !== undefined && { oldest }),
          ...(newestTime !== undefined && { newest_time: newestTime }),
          num_clients: numClients,
        };
      },
    }),
  ],
  [
    "explain",
    method({
      summary: "Says which rules a channel has, and what they allow a user",
      scope: "read",
      params: schemas.explain,
      result: schemas.explained,
      run: async ({ channel, user, roles }, { control }) => {
        const explained = await control.explain(channel, { user, roles });
        if ("code" in explained) return { error: explained };
        return {
          ...schemas.toDescribedChannel(explained),
          actions: explained.actions.map(({ action, allows, isAllowed, isAllowedOnceSubscribed }) => ({
            action,
            allows,
            allowed: isAllowed,
            allowed_once_subscribed: isAllowedOnceSubscribed,
          })),
        };
      },
    }),
  ],
  [
    "why",
    method({
      summary: "Says why a user did or did not get a publication",
      scope: "read",
      params: schemas.why,
      result: schemas.whyAnswer,
      run: async ({ idempotency_key: idempotencyKey, client, offset, epoch, ...rest }, { why }) =>
        await why({
          ...rest,
          ...(client !== undefined && { client }),
          ...(offset !== undefined && { offset }),
          ...(epoch !== undefined && { epoch }),
          ...(idempotencyKey !== undefined && { idempotencyKey }),
        }),
    }),
  ],
  [
    "info",
    method({
      summary: "Statistics of the nodes",
      scope: "read",
      params: schemas.empty,
      result: z.object({ nodes: z.array(schemas.node), silent: z.array(schemas.silentNode).optional() }),
      run: async (_params, { info }) => await info(),
    }),
  ],
  [
    "load",
    method({
      summary: "What the nodes did in the last quarter of an hour, every two seconds",
      scope: "read",
      params: schemas.load,
      result: schemas.loads,
      run: async ({ after }, { load }) => await load(after),
    }),
  ],
  [
    "tail",
    method({
      summary: "Waits for the next publications of a channel",
      scope: "read",
      params: schemas.tail,
      result: schemas.tailed,
      run: async ({ channel, since, wait }, { tail }) => {
        const answer = await tail(channel, since, Math.round(wait * 1000));
        return "code" in answer ? { error: answer } : answer;
      },
    }),
  ],
  [
    "config",
    method({
      summary: "The options in force, without secrets, and the application's channels",
      scope: "admin",
      params: schemas.empty,
      result: schemas.configuration,
      run: async (_params, { configuration }) => configuration(),
    }),
  ],
  [
    "key",
    method({
      summary: "Describes the key of the request",
      scope: "read",
      params: schemas.empty,
      result: z.object({ name: z.string(), scope: z.enum(["read", "publish", "admin"]) }),
      run: async (_params, _tools, { name, scope }) => ({ name, scope }),
    }),
  ],
];

function toConnection(use: ConnectionUse & { readonly node: string }): object {
  const { openedAt, unsentBytes, behindSince, numChannels, ...rest } = use;
  return {
    ...rest,
    opened_at: openedAt,
    unsent_bytes: unsentBytes,
    ...(behindSince !== undefined && { behind_since: behindSince }),
    num_channels: numChannels,
  };
}
