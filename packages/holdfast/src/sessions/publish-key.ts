/** What a publication is about: which key it may come with, by the channel's rules. */
import type { ChannelRules } from "../channels/rules.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import type { PublishParams } from "../wire/messages.js";
import type { Publisher } from "./publishing.js";

/** @returns the parameters with the key that counts, or why they do not fit the channel */
export function withKey(
  rules: ChannelRules,
  params: PublishParams,
  publisher: Publisher | undefined,
): PublishParams | ReplyError {
  if (rules.kind === "map") return withMapKey(rules, params, publisher);
  if (params.isForMap) return replyError("badRequest", "this channel is no map: publish without a type");
  if (params.isRemoved) return replyError("badRequest", "removed is for maps only");
  if (params.key !== undefined && rules.kind !== "latest")
    return replyError("badRequest", 'key is for maps and for channels of kind "latest" only');
  return params;
}

function withMapKey(
  { map = {} }: ChannelRules,
  params: PublishParams,
  publisher: Publisher | undefined,
): PublishParams | ReplyError {
  if (params.isForMap === false)
    return replyError(
      "badRequest",
      "this channel is a map: publish with type 1 and a key, or by map_publish",
    );
  const { type = "keys", keysOf = "any" } = map;
  if (type !== "keys") return replyError("permissionDenied", `the server itself keeps this list of ${type}`);
  const own = publisher && keysOf !== "any" ? ownKey(keysOf, publisher) : undefined;
  if (own === "") return replyError("permissionDenied", "an anonymous user has no key here");
  const key = own ?? params.key;
  if (key === undefined) return replyError("badRequest", "key is missing: what the data is the value of");
  return { ...params, key };
}

function ownKey(keysOf: "client" | "user", { actor }: Publisher): string {
  return keysOf === "client" ? actor.client : actor.user;
}
