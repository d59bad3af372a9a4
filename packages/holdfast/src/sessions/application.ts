/**
 * Contract of an application: what sessions ask it. Who a client is, what it may do in which channel, what it publishes,
 * which methods it may call. Implemented by app/, and here for a server on which everything is allowed.
 *
 * What an application throws fails the one command it was asked for, with error 100, and is reported once.
 */
import type { ChannelRules, RulesFor } from "../channels/rules.js";
import { type Disconnect, type ReplyError, replyError } from "../wire/codes.js";
import type { Payload } from "../wire/payload.js";
import type {
  Authenticate,
  Identity,
  IdentityResult,
  SubscriptionGrant,
  TokenOrigin,
  VerifySubscription,
} from "./identity.js";

/** Who acts. */
export interface Actor {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Connection id. */
  readonly client: string;
  readonly roles: readonly string[];
  /** What others are shown. */
  readonly info?: Payload;
  /** What the application attached when it authenticated the client. */
  readonly meta?: unknown;
}

const noRoles: readonly string[] = Object.freeze([]);

/** @param client connection id */
export function toActor(client: string, { user, roles = noRoles, info, meta }: Identity): Actor {
  return {
    user,
    client,
    roles,
    ...(info !== undefined && { info }),
    ...(meta !== undefined && { meta }),
  };
}

export type ChannelAction = "subscribe" | "publish" | "presence" | "history";

/** What holds for one channel. */
export interface Policy {
  readonly rules: ChannelRules;
  /** Maps in which those who are subscribed here are listed. */
  readonly listedIn?: readonly string[];
  /** Of a map that lists the subscribers of a channel: that channel. */
  readonly lists?: string;
  /** Whether a client may do that here. */
  may(action: ChannelAction, actor: Actor, isSubscribed: boolean): boolean | Promise<boolean>;
  /** Has the last word on a subscription, and may add data for the client. */
  readonly onSubscribe?: (
    actor: Actor,
    data: Payload | undefined,
  ) => Promise<Refusal | { readonly data?: Payload }>;
  /** Has the last word on a publication, and may change its data. Without an actor, it is the server's own. */
  readonly onPublish?: (
    data: Payload,
    actor: Actor | undefined,
    key: string | undefined,
  ) => Promise<Refusal | { readonly data: Payload }>;
  /** Has the last word on a client's removal of a map's key. */
  readonly onRemove?: (key: string, actor: Actor) => Promise<Refusal | undefined>;
  /** What a map's key is ordered by. */
  readonly scoreOf?: (data: Payload) => number | Refusal;
}

export interface Refusal {
  readonly refusal: ReplyError;
}

/** What the application says to a client that has connected. */
export interface Welcome {
  readonly data?: Payload;
  /** Channels that the client is subscribed to at once, beside those its identity names. */
  readonly subscriptions?: ReadonlyMap<string, SubscriptionGrant>;
}

export interface Application {
  /** @returns undefined where there is no such channel. Called with every command. */
  policyFor(channel: string): Policy | undefined;
  readonly authenticate: Authenticate;
  /** Verifies the token of a client that refreshes it. Without it, clients cannot refresh. */
  readonly verifyConnection?: (token: string) => IdentityResult | Promise<IdentityResult>;
  /** Without it, tokens for channels are refused. */
  readonly verifySubscription?: VerifySubscription;
  /** Whether a token that was valid is revoked. Without it, none ever is. */
  readonly isRevoked?: (token: TokenOrigin) => boolean;
  readonly onConnect?: (
    actor: Actor,
    data: Payload | undefined,
  ) => Promise<{ readonly disconnect: Disconnect } | Welcome>;
  readonly onDisconnect?: (actor: Actor) => void;
  /** Names of methods that clients may call. */
  readonly methods: readonly string[];
  readonly call?: (
    method: string,
    data: Payload | undefined,
    actor: Actor,
  ) => Promise<Refusal | { readonly data: Payload }>;
  /** Takes one-way messages of clients; without it, they are refused. */
  readonly onMessage?: (data: Payload, actor: Actor) => Promise<void>;
}

/** @param reason follows the standard text after a colon */
export function refusal(...error: Parameters<typeof replyError>): Refusal {
  return { refusal: replyError(...error) };
}

/** Every client may do everything that the rules of a channel allow. */
export function createOpenApplication(rulesFor: RulesFor, authenticate: Authenticate): Application {
  const policies = new WeakMap<ChannelRules, Policy>();
  return {
    authenticate,
    methods: [],
    policyFor(channel) {
      const rules = rulesFor(channel);
      if (rules === undefined) return undefined;
      let policy = policies.get(rules);
      if (policy === undefined) {
        policy = { rules, may: () => true };
        policies.set(rules, policy);
      }
      return policy;
    },
  };
}
