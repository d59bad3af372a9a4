/** Causes of an answer to "why did this user not get that publication", which programs can switch on. docs/howto/debug.md explains them. */

export const whyCauses = {
  delivered: "it was delivered when it was published",
  recovered: "it was delivered when the client recovered",
  late: "it was delivered once the client had caught up",
  behind: "the client is behind and has not been sent it yet",
  superseded: "the client was behind, and got a newer one in its place",
  filtered: "the client's tags filter leaves it out",
  subscribed_after: "the client subscribed after it, without recovering",
  recovery_expired: "recovery was refused: what was missed is no longer kept",
  recovery_epoch: "recovery was refused: the channel's log had started afresh",
  recovery_forbidden: "recovery was refused: the client may not read what came before",
  recovery_ahead: "recovery was refused: the client's position lies beyond the log",
  recovery_off: "the channel has no recovery, or keeps nothing",
  history_removed: "the channel's history was removed",
  unsubscribed: "the client had unsubscribed",
  unsubscribed_by_server: "the server had unsubscribed the client",
  subscription_expired: "the subscription had expired",
  token_revoked: "its token was revoked",
  gap: "the subscription ended because what it lacked was no longer kept",
  subscribe_denied: "the client may not subscribe to the channel",
  subscribe_token_expired: "the subscription token had expired",
  subscribe_refused: "the subscription was refused for another reason",
  not_subscribed: "the client was connected, and not subscribed",
  connection_ended: "the client or the network had ended the connection",
  connection_expired: "the connection's token had expired",
  no_pong: "the client no longer answered pings",
  slow: "the client did not read, and was disconnected",
  over_limit: "the client exceeded a limit, and was disconnected",
  disconnected: "the server had disconnected the client",
  shutdown: "the node shut down",
  not_connected: "the client had no connection then",
  connect_token_expired: "the client's token had expired when it connected",
  connection_limit: "the user had as many connections as are allowed",
  connect_refused: "the connection was refused",
  turned_away: "connections were refused before their user was known",
  unknown_user: "nothing is known of the user",
  unknown_channel: "there is no such channel",
  not_published: "nothing has been published under that offset yet",
  nothing_published: "the channel has no publications",
  not_kept: "the publication is no longer kept",
  duplicate: "the publish repeated an idempotency key, and had no effect",
  publish_refused: "the publish was refused",
  publish_suppressed: "the publish had no effect on the map's key",
  publish_unacknowledged: "the store never acknowledged the publish",
  publish_unknown: "no publish with that idempotency key is known",
  not_recorded: "it was before what is recorded",
  recorder_off: "the flight recorder is off",
  node_silent: "a node that may know has not answered",
} as const;

export type WhyCause = keyof typeof whyCauses;

/** Something that was recorded, in words. */
export interface WhyEvidence {
  /** Unix milliseconds, by the clock of the node. */
  readonly at?: number;
  /** Name of the node. */
  readonly node?: string;
  /** Connection id. */
  readonly client?: string;
  readonly text: string;
}

export interface WhyAnswer {
  readonly cause: WhyCause;
  /** For people. */
  readonly sentence: string;
  /** The publication in question, if there is one. */
  readonly publication?: { readonly epoch: string; readonly offset: number; readonly time?: number };
  /** Oldest first. */
  readonly evidence: readonly WhyEvidence[];
  /** Names of nodes that have not answered in time. */
  readonly silent: readonly string[];
}

/** Which publication: by offset, by the idempotency key it was published with, or else the newest. */
export interface WhyQuestion {
  readonly channel: string;
  /** User id; empty for anonymous clients. */
  readonly user: string;
  /** One of the user's connections. */
  readonly client?: string;
  readonly offset?: number;
  /** @default the log's current one */
  readonly epoch?: string;
  readonly idempotencyKey?: string;
}
