/**
 * The API's methods as a table: parameters and result as schemas, the scope that a key needs, and what the method does. The
 * OpenAPI document is made from the same table.
 */
import { z } from "zod";
import type { PublishResult } from "../../channels/log.js";
import type { Control } from "../../sessions/control.js";
import { disconnect, type ReplyError, replyError } from "../../wire/codes.js";
import { encodeInfo, encodePublication } from "../../wire/json-codec.js";
import { type ClientInfo, type Publication, toPublishedFields } from "../../wire/messages.js";
import { payloadText, RawJson } from "../../wire/payload.js";
import { type ApiMethod, method } from "./api-method.js";
import { toGrant, toMapPublication, toPublication } from "./content.js";
import { inspectionMethods } from "./inspection-methods.js";
import * as schemas from "./schemas.js";

const emptyResult = {};

export const apiMethods: ReadonlyMap<string, ApiMethod> = new Map<string, ApiMethod>([
  [
    "publish",
    method({
      summary: "Publishes to a channel",
      scope: "publish",
      params: schemas.publish,
      result: schemas.published,
      run: async ({ channel, ...rest }, { control }, caller) =>
        toPublishOutcome(await control.publish({ channel, ...toPublication(rest), isForMap: false }, caller)),
    }),
  ],
  [
    "broadcast",
    method({
      summary: "Publishes the same to several channels",
      scope: "publish",
      params: schemas.broadcast,
      result: z.object({
        responses: z.array(z.union([z.object({ result: schemas.published }), schemas.failed])),
      }),
      run: async ({ channels, ...rest }, { control }, caller) => {
        const publication = { ...toPublication(rest), isForMap: false };
        const results = await control.broadcast(channels, publication, caller);
        return { responses: results.map((result) => toResponse(toPublishOutcome(result))) };
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
        return emptyUnless(await control.subscribe(channel, params, toGrant(params), recover));
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
        return emptyUnless(await control.unsubscribe(target, channel || undefined));
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
        return emptyUnless(
          await control.disconnect(target, reason ?? disconnect("forceDisconnect"), whitelist),
        );
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
        const error = await control.refresh(target, {
          isExpired: expired ?? false,
          ...(expire_at && { expiresAt: expire_at * 1000 }),
          ...(info !== undefined && { info }),
        });
        return emptyUnless(error);
      },
    }),
  ],
  [
    "presence",
    method({
      summary: "Lists the clients that are subscribed to a channel",
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
      summary: "Counts the clients that are subscribed to a channel",
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
      summary: "Reads the history of a channel",
      scope: "read",
      params: schemas.history,
      result: schemas.historyPage,
      run: async (params, { control }) => await answerHistory(control, params),
    }),
  ],
  [
    "history_remove",
    method({
      summary: "Removes the history of a channel; its position stays",
      scope: "admin",
      params: schemas.ofChannel,
      result: schemas.empty,
      run: async ({ channel }, { control }) => emptyUnless(await control.removeHistory(channel)),
    }),
  ],
  [
    "map_publish",
    method({
      summary: "Sets the value of a key of a map",
      scope: "publish",
      params: schemas.mapPublish,
      result: schemas.published,
      run: async ({ channel, ...rest }, { control }, caller) =>
        toPublishOutcome(await control.publish({ channel, ...toMapPublication(rest) }, caller)),
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
        return toPublishOutcome(await control.publish(params, caller));
      },
    }),
  ],
  [
    "map_read_state",
    method({
      summary: "Reads the values of a map: one key, or page by page",
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
      summary: "Reads the history of a map's changes",
      scope: "read",
      params: schemas.history,
      result: schemas.historyPage,
      run: async (params, { control }) => {
        const stats = await control.maps.numKeys(params.channel);
        return typeof stats === "object" ? { error: stats } : await answerHistory(control, params);
      },
    }),
  ],
  [
    "map_stats",
    method({
      summary: "Counts the keys of a map",
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
      summary: "Removes all keys of a map; subscribers get a removal for each",
      scope: "admin",
      params: schemas.ofChannel,
      result: schemas.empty,
      run: async ({ channel }, { control }) => emptyUnless(await control.maps.clear(channel)),
    }),
  ],
  [
    "shared_poll_publish",
    method({
      summary: "Gives a value to those who track its key in a polled channel, before it is asked for",
      scope: "publish",
      params: schemas.sharedPollPublish,
      result: schemas.empty,
      run: async ({ channel, key, version, ...content }, { control }) => {
        const { data } = toPublication(content);
        const item = { key, data, ...(version !== undefined && { version }) };
        return emptyUnless(await control.publishPolled(channel, item));
      },
    }),
  ],
  [
    "rpc",
    method({
      summary: "Calls a method of the application, as the server",
      scope: "admin",
      params: schemas.rpc,
      result: z.object({ data: z.unknown() }),
      run: async ({ method: name, params }, { call }) => {
        if (call === undefined)
          return { error: replyError("notAvailable", "the application has no methods") };
        const outcome = await call(name, params);
        return "code" in outcome ? { error: outcome } : { data: new RawJson(payloadText(outcome.data)) };
      },
    }),
  ],
  [
    "send",
    method({
      summary: "Sends a message to a user's connections, outside any channel",
      scope: "publish",
      params: schemas.send,
      result: schemas.empty,
      run: async ({ data, ...target }, { control }) => emptyUnless(await control.send(target, data)),
    }),
  ],
  [
    "revoke",
    method({
      summary: "Revokes tokens, and ends the connections that used them",
      scope: "admin",
      params: schemas.revoke,
      result: schemas.empty,
      run: async (params, { revoke }) => {
        if (revoke === undefined)
          return { error: replyError("notAvailable", "this server does not check tokens") };
        return emptyUnless(await revoke(params));
      },
    }),
  ],
  ...inspectionMethods,
]);

/** One result among others. */
export function toResponse(outcome: object): object {
  return "error" in outcome ? { error: toError(outcome.error as ReplyError) } : { result: outcome };
}

export function toError({ code, message, isTemporary }: ReplyError): object {
  return { code, message, ...(isTemporary && { temporary: true }) };
}

function emptyUnless(error: ReplyError | undefined): object {
  return error === undefined ? emptyResult : { error };
}

function toPublishOutcome(result: PublishResult | ReplyError): object {
  return "code" in result ? { error: result } : toPublishedFields(result);
}

async function answerHistory(
  control: Control,
  { channel, limit, since, reverse }: z.output<typeof schemas.history>,
): Promise<object> {
  const page = await control.history({ channel, limit, ...(since && { since }), reverse });
  if ("code" in page) return { error: page };
  return { publications: page.publications.map(toPublicationObject), ...page.position };
}

function toPublicationObject(publication: Publication): RawJson {
  return new RawJson(encodePublication(publication, undefined, true));
}

function toInfo(info: ClientInfo): RawJson {
  return new RawJson(encodeInfo(info));
}
