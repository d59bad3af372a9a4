/**
 * The contract of an application, which sessions ask who a client is, what it may do in a channel, what it publishes, and which
 * methods it may call. Implemented in app/, and here for a server that allows everything.
 *
 * If an application throws, the one command fails with error 100, and the error is reported once.
 */
import type { ChannelRules, RulesFor } from "../channels/rules.js";
import { type Disconnect, type ReplyError, replyError } from "../wire/codes.js";
import type { PolledKey, TrackBatch } from "../wire/messages.js";
import type { JsonText, Payload } from "../wire/payload.js";
import type {
  Authenticate,
  Identity,
  IdentityResult,
  SubscriptionGrant,
  TokenOrigin,
  VerifySubscription,
} from "./identity.js";

/** The client that acts. */
export interface Actor {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Connection id. */
  readonly client: string;
  readonly roles: readonly string[];
  /** Shown to other clients. */
  readonly info?: JsonText;
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

/** Where a channel's policy comes from, in words. */
export interface DescribedPolicy {
  /** Of the application's channels. */
  readonly pattern: string;
  /** Who may do what, such as `subscribers` or `users, role admin`. */
  readonly allow: Readonly<Record<ChannelAction, string>>;
  /** Hooks that decide last. */
  readonly hooks: readonly string[];
}

/** The rules and permissions of one channel. */
export interface Policy {
  /** Undefined where every channel has the same rules. */
  readonly described?: DescribedPolicy;
  readonly rules: ChannelRules;
  /** Maps that list the subscribers of this channel. */
  readonly listedIn?: readonly string[];
  /** For a map that lists subscribers: the channel whose subscribers it lists. */
  readonly lists?: string;
  /** Whether a client may do that here. */
  may(action: ChannelAction, actor: Actor, isSubscribed: boolean): boolean | Promise<boolean>;
  /** Decides last on a subscription, and may add data for the client. */
  readonly onSubscribe?: (
    actor: Actor,
    data: Payload | undefined,
  ) => Promise<Refusal | { readonly data?: Payload }>;
  /** Decides last on a publication, and may change its data. Without an actor, the server publishes. */
  readonly onPublish?: (
    data: Payload,
    actor: Actor | undefined,
    key: string | undefined,
  ) => Promise<Refusal | { readonly data: Payload }>;
  /** Decides last on a client's removal of a map's key. */
  readonly onRemove?: (key: string, actor: Actor) => Promise<Refusal | undefined>;
  /** What a map's key is ordered by. */
  readonly scoreOf?: (data: Payload) => number | Refusal;
  /** In a polled channel: where its values come from. */
  readonly poll?: PollPolicy;
}

/** How the values of a polled channel are asked for. */
export interface PollPolicy {
  /** Between the answer of one question and the next question. */
  readonly intervalMs: number;
  /** Whether values come with versions; otherwise they are compared, and their versions made up. */
  readonly hasVersions: boolean;
  /** Most keys of all clients of a node. */
  readonly maxKeys: number;
  /** Most keys of one client. */
  readonly maxClientKeys: number;
  /** Most bytes of all values on a node. */
  readonly maxBytes: number;
  /** The values of keys; those that are left out are as they were. */
  ask(keys: readonly PolledKey[]): Promise<readonly PolledItem[]>;
  /** Whether the client may track these keys, and until when (Unix milliseconds). */
  verify(batch: TrackBatch, actor: Actor): { readonly expiresAt?: number } | ReplyError;
}

/** The value of a key of a polled channel. */
export interface PolledItem {
  readonly key: string;
  readonly data: Payload;
  /** Positive, and greater than that of any earlier value. */
  readonly version?: number;
  /** It has no value any more. */
  readonly isRemoved?: true;
}

export interface Refusal {
  readonly refusal: ReplyError;
}

/** What a client gets from the application when it connects. */
export interface Welcome {
  readonly data?: Payload;
  /** Channels that the client is subscribed to at once, in addition to those of its identity. */
  readonly subscriptions?: ReadonlyMap<string, SubscriptionGrant>;
}

export interface Application {
  /** @returns undefined if there is no such channel. Called for every command. */
  policyFor(channel: string): Policy | undefined;
  readonly authenticate: Authenticate;
  /** Verifies a refreshed connection token. Without it, clients cannot refresh. */
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
  /** Takes one-way messages from clients; without it, they are refused. */
  readonly onMessage?: (data: Payload, actor: Actor) => Promise<void>;
}

/** @param reason follows the standard text after a colon */
export function refusal(...error: Parameters<typeof replyError>): Refusal {
  return { refusal: replyError(...error) };
}

/** Tells the application that a client is gone. */
export function notifyDisconnected(
  {
    application,
    onError,
  }: {
    readonly application: Pick<Application, "onDisconnect">;
    readonly onError: (error: unknown, context: { readonly stage: string }) => void;
  },
  actor: Actor,
): void {
  try {
    application.onDisconnect?.(actor);
  } catch (error) {
    onError(error, { stage: "onDisconnect" });
  }
}

/** Allows every client everything that a channel's rules allow. */
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
