/** A client as the application's code sees it. */
import type { Actor } from "../sessions/application.js";

export interface User {
  /** User id; empty for an anonymous user. */
  readonly id: string;
  /** Connection id. */
  readonly client: string;
  readonly roles: readonly string[];
  /** What others are shown. */
  readonly info: unknown;
  /** What was noted when it was found out who it is; never shown to a client. */
  readonly meta: unknown;
}

const users = new WeakMap<Actor, User>();

export function toUser(actor: Actor): User {
  let user = users.get(actor);
  if (user === undefined) {
    const { user: id, client, roles, info, meta } = actor;
    user = Object.freeze({
      id,
      client,
      roles,
      info: info === undefined ? undefined : JSON.parse(info),
      meta,
    });
    users.set(actor, user);
  }
  return user;
}
