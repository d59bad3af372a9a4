/**
 * The methods of the server's HTTP interface: of each its parameters as a schema, its result, the scope of keys that may
 * call it, and what it does. The OpenAPI document is made from the same table.
 */
import { z } from "zod";
import type { HistoryPage, PublishResult } from "../../channels/broker.js";
import type { Control } from "../../sessions/control.js";
import type { ApiCaller } from "../../sessions/publishing.js";
import { disconnect, type ReplyError, replyError } from "../../wire/codes.js";
import { encodeInfo, encodePublication } from "../../wire/json-codec.js";
import { type ClientInfo, type Publication, toPublishedFields } from "../../wire/messages.js";
import { type JsonText, RawJson } from "../../wire/payload.js";
import { matcherOf } from "./glob.js";
import * as schemas from "./schemas.js";

/** What a key may be for; each includes those before it. */
export type Scope = "read" | "publish" | "admin";

export interface ApiTools {
  readonly control: Control;
  /** Numbers of this node. */
  readonly info: () => object;
  readonly call:
    | ((method: string, params: JsonText | undefined) => Promise<ReplyError | { readonly data: JsonText }>)
    | undefined;
  readonly revoke:
    | ((revocation: z.output<typeof schemas.revoke>) => Promise<ReplyError | undefined>)
    | undefined;
}

export interface ApiMethod {
  readonly summary: string;
  readonly scope: Scope;
  readonly params: z.ZodType;
  readonly result: z.ZodType;
  run(params: unknown, tools: ApiTools, caller: ApiCaller): Promise<object | { readonly error: ReplyError }>;
}

function method<P extends z.ZodType>(definition: {
  readonly summary: string;
  readonly scope: Scope;
  readonly params: P;
  readonly result: z.ZodType;
  readonly run: (params: z.output<P>, tools: ApiTools, caller: ApiCaller) => Promise<object>;
}): ApiMethod {
  return definition as unknown as ApiMethod;
}

const nothing = {};

export const apiMethods: ReadonlyMap<string, ApiMethod> = new Map<string, ApiMethod>([
  [
    "publish",
    method({
      summary: "Publishes in a channel",
      scope: "publish",
      params: schemas.publish,
      result: schemas.published,
      run: async ({ channel, ...rest }, { control }, caller) =>
        answerPublish(
          await control.publish({ channel, ...schemas.toPublication(rest), isForMap: false }, caller),
        ),
    }),
  ],
  [
    "broadcast",
    method({
      summary: "Publishes the same in several channels",
      scope: "publish",
      params: schemas.broadcast,
      result: z.object({
        responses: z.array(z.union([z.object({ result: schemas.published }), schemas.failed])),
      }),
      run: async ({ channels, ...rest }, { control }, caller) => {
        const publication = { ...schemas.toPublication(rest), isForMap: false };
        const results = await control.broadcast(channels, publication, caller);
        return { responses: results.map((result) => toResponse(answerPublish(result))) };
      },
    }),
  ],
  [
    "subscribe",
    method({
      summary: "Subscribes a user's connections to a channel",
      scope: "admin",
      params: schemas.subscribe,
      result: schemas.empty,
      run: async ({ channel, ...params }, { control }) => {
        const recover = params.recover_since && { recover: true, ...params.recover_since };
        return orNothing(await control.subscribe(channel, params, schemas.toGrant(params), recover));
      },
    }),
  ],
  [
    "unsubscribe",
    method({
      summary: "Ends a user's subscriptions, to one channel or to all",
      scope: "admin",
      params: schemas.unsubscribe,
      result: schemas.empty,
      run: async ({ channel, ...target }, { control }) => {
        await control.unsubscribe(target, channel || undefined);
        return nothing;
      },
    }),
  ],
  [
    "disconnect",
    method({
      summary: "Ends a user's connections",
      scope: "admin",
      params: schemas.disconnect,
      result: schemas.empty,
      run: async ({ disconnect: reason, whitelist, ...target }, { control }) => {
        control.disconnect(target, reason ?? disconnect("forceDisconnect"), whitelist);
        return nothing;
      },
    }),
  ],
  [
    "refresh",
    method({
      summary: "Sets when a user's connections expire, or ends them at once",
      scope: "admin",
      params: schemas.refresh,
      result: schemas.empty,
      run: async ({ expired, expire_at, info, ...target }, { control }) => {
        control.refresh(target, {
          isExpired: expired ?? false,
          ...(expire_at && { expiresAt: expire_at * 1000 }),
          ...(info !== undefined && { info }),
        });
        return nothing;
      },
    }),
  ],
  [
    "presence",
    method({
      summary: "Tells who is subscribed to a channel",
      scope: "read",
      params: schemas.ofChannel,
      result: z.object({ presence: z.record(z.string(), schemas.clientInfo) }),
      run: async ({ channel }, { control }) => {
        const infos = await control.presence(channel);
        if ("code" in infos) return { error: infos };
        return { presence: Object.fromEntries(infos.map((info) => [info.client, toInfo(info)])) };
      },
    }),
  ],
  [
    "presence_stats",
    method({
      summary: "Tells how many are subscribed to a channel",
      scope: "read",
      params: schemas.ofChannel,
      result: z.object({ num_clients: z.int(), num_users: z.int() }),
      run: async ({ channel }, { control }) => {
        const stats = await control.presenceStats(channel);
        if ("code" in stats) return { error: stats };
        return { num_clients: stats.numClients, num_users: stats.numUsers };
      },
    }),
  ],
  [
    "history",
    method({
      summary: "Reads what a channel keeps",
      scope: "read",
      params: schemas.history,
      result: schemas.historyPage,
      run: async ({ channel, limit, since, reverse }, { control }) => {
        const page = await control.history({ channel, limit, ...(since && { since }), reverse });
        return "code" in page ? { error: page } : toHistory(page);
      },
    }),
  ],
  [
    "history_remove",
    method({
      summary: "Forgets what a channel keeps; its position stays",
      scope: "admin",
      params: schemas.ofChannel,
      result: schemas.empty,
      run: async ({ channel }, { control }) => orNothing(await control.removeHistory(channel)),
    }),
  ],
  [
    "map_publish",
    method({
      summary: "Gives a key of a map a value",
      scope: "publish",
      params: schemas.mapPublish,
      result: schemas.published,
      run: async ({ channel, ...rest }, { control }, caller) =>
        answerPublish(await control.publish({ channel, ...schemas.toMapPublication(rest) }, caller)),
    }),
  ],
  [
    "map_remove",
    method({
      summary: "Removes a key of a map",
      scope: "publish",
      params: schemas.mapRemove,
      result: schemas.published,
      run: async ({ channel, key, idempotency_key: idempotencyKey }, { control }, caller) => {
        const removal = { channel, key, data: "null", isRemoved: true, isForMap: true } as const;
        const params = { ...removal, ...(idempotencyKey !== undefined && { idempotencyKey }) };
        return answerPublish(await control.publish(params, caller));
      },
    }),
  ],
  [
    "map_read_state",
    method({
      summary: "Reads values of a map's keys: one, or page by page",
      scope: "read",
      params: schemas.mapReadState,
      result: schemas.mapState,
      run: async ({ channel, key, limit, cursor, asc }, { control }) => {
        const one = key === undefined ? undefined : await control.maps.value(channel, key);
        if (one && "code" in one) return { error: one };
        const page = await control.maps.read({
          channel,
          limit: key === undefined ? limit : 1,
          isAscending: asc,
          ...(cursor !== undefined && { cursor }),
        });
        if ("code" in page) return { error: page };
        if (key !== undefined) return { entries: one ? [toPublicationObject(one)] : [], ...page.position };
        const entries = page.publications.map(toPublicationObject);
        return { entries, ...page.position, ...(page.cursor !== undefined && { cursor: page.cursor }) };
      },
    }),
  ],
  [
    "map_read_stream",
    method({
      summary: "Reads the changes of a map that are kept",
      scope: "read",
      params: schemas.history,
      result: schemas.historyPage,
      run: async ({ channel, limit, since, reverse }, { control }) => {
        const stats = await control.maps.numKeys(channel);
        if (typeof stats === "object") return { error: stats };
        const page = await control.history({ channel, limit, ...(since && { since }), reverse });
        return "code" in page ? { error: page } : toHistory(page);
      },
    }),
  ],
  [
    "map_stats",
    method({
      summary: "Tells how many keys of a map have a value",
      scope: "read",
      params: schemas.ofChannel,
      result: z.object({ num_keys: z.int() }),
      run: async ({ channel }, { control }) => {
        const numKeys = await control.maps.numKeys(channel);
        return typeof numKeys === "object" ? { error: numKeys } : { num_keys: numKeys };
      },
    }),
  ],
  [
    "map_clear",
    method({
      summary: "Removes all keys of a map; subscribers are told of each",
      scope: "admin",
      params: schemas.ofChannel,
      result: schemas.empty,
      run: async ({ channel }, { control }) => orNothing(await control.maps.clear(channel)),
    }),
  ],
  [
    "channels",
    method({
      summary: "Lists the channels that somebody is subscribed to",
      scope: "read",
      params: schemas.channels,
      result: z.object({ channels: z.record(z.string(), z.object({ num_clients: z.int() })) }),
      run: async ({ pattern }, { control }) => {
        const channels = control.channels(matcherOf(pattern));
        return {
          channels: Object.fromEntries(
            channels.map(({ name, numClients }) => [name, { num_clients: numClients }]),
          ),
        };
      },
    }),
  ],
  [
    "info",
    method({
      summary: "Numbers of the nodes",
      scope: "read",
      params: schemas.empty,
      result: z.object({ nodes: z.array(schemas.node) }),
      run: async (_params, { info }) => ({ nodes: [info()] }),
    }),
  ],
  [
    "rpc",
    method({
      summary: "Calls a method of the application, as nobody in particular",
      scope: "admin",
      params: schemas.rpc,
      result: z.object({ data: z.unknown() }),
      run: async ({ method: name, params }, { call }) => {
        if (call === undefined)
          return { error: replyError("notAvailable", "there is no application with methods") };
        const outcome = await call(name, params);
        return "code" in outcome ? { error: outcome } : { data: new RawJson(outcome.data) };
      },
    }),
  ],
  [
    "send",
    method({
      summary: "Sends something to a user's connections, in no channel",
      scope: "publish",
      params: schemas.send,
      result: schemas.empty,
      run: async ({ data, ...target }, { control }) => {
        control.send(target, data);
        return nothing;
      },
    }),
  ],
  [
    "revoke",
    method({
      summary: "Makes tokens invalid, and ends the connections that came with them",
      scope: "admin",
      params: schemas.revoke,
      result: schemas.empty,
      run: async (params, { revoke }) => {
        if (revoke === undefined)
          return { error: replyError("notAvailable", "this server checks no tokens") };
        return orNothing(await revoke(params));
      },
    }),
  ],
]);

/** As a result stands among others. */
export function toResponse(outcome: object): object {
  return "error" in outcome ? { error: toError(outcome.error as ReplyError) } : { result: outcome };
}

export function toError({ code, message, isTemporary }: ReplyError): object {
  return { code, message, ...(isTemporary && { temporary: true }) };
}

function orNothing(error: ReplyError | undefined): object {
  return error === undefined ? nothing : { error };
}

function answerPublish(result: PublishResult | ReplyError): object {
  return "code" in result ? { error: result } : toPublishedFields(result);
}

function toHistory({ publications, position }: HistoryPage): object {
  return { publications: publications.map(toPublicationObject), ...position };
}

function toPublicationObject(publication: Publication): RawJson {
  return new RawJson(encodePublication(publication, undefined, true));
}

function toInfo(info: ClientInfo): RawJson {
  return new RawJson(encodeInfo(info));
}
