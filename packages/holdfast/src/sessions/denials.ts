/**
 * What a client is told when a channel's rules deny it something: which rule, and what it lacks. Names of roles are for those with an
 * API key, and so are patterns for anonymous clients: both may tell how an application is built.
 */
import { type ReplyError, replyError } from "../wire/codes.js";
import type { Actor, ChannelAction, Policy } from "./application.js";

const role = /^role /;

/** @param isSubscribed whether the client is subscribed to the channel */
export function denialOf(
  { described }: Policy,
  action: ChannelAction,
  actor: Actor,
  isSubscribed: boolean,
): ReplyError {
  if (described === undefined) return replyError("permissionDenied");
  const words = described.allow[action].split(", ");
  const isAnonymous = actor.user === "";
  const where = isAnonymous ? "this channel" : `channel pattern ${described.pattern}`;
  const known = words.filter((word) => !role.test(word));
  const hasRoles = known.length < words.length;
  const who = [...known, ...(hasRoles ? ["certain roles"] : [])].join(", ");
  const lacks = [
    ...(words.includes("users") && isAnonymous ? ["is anonymous"] : []),
    ...(words.includes("subscribers") && !isSubscribed ? ["is not subscribed"] : []),
    ...(hasRoles ? ["has none of these roles"] : []),
  ];
  const state = lacks.length === 0 ? "" : `; this connection ${lacks.join(" and ")}`;
  return replyError("permissionDenied", `${where} allows ${action} to ${who}${state}`);
}
