/**
 * Who is behind a connection or a request: the contract of authentication, and {@link ClientIdentity}, which everything else uses.
 */
import type { DisconnectName } from "../wire/codes.js";
import type { ClientInfo } from "../wire/messages.js";
import { type JsonText, type Payload, parsePayload, payloadMember } from "../wire/payload.js";
import { type Actor, toActor } from "./application.js";

export interface Identity {
  /** User id; empty for an anonymous user. */
  readonly user: string;
  /** Shown to others in presence, joins, leaves and publications. */
  readonly info?: JsonText;
  /** Roles that permissions of channels may require. */
  readonly roles?: readonly string[];
  /** For the application's hooks; never shown to a client. */
  readonly meta?: unknown;
  /** Unix milliseconds; the connection ends some time later, unless the client sends a newer token. */
  readonly expiresAt?: number;
  /** Channels that the client is subscribed to at once, by name. */
  readonly subscriptions?: ReadonlyMap<string, SubscriptionGrant>;
  /** Whether it comes from a token, which can be renewed and revoked. */
  readonly hasToken?: boolean;
  /** Id by which the token can be revoked. */
  readonly tokenId?: string;
  /** Unix milliseconds. */
  readonly issuedAt?: number;
}

/** The properties by which a token can be revoked. */
export interface TokenOrigin {
  readonly user: string;
  readonly tokenId?: string;
  /** Unix milliseconds. */
  readonly issuedAt?: number;
}

/** Grants a client a subscription to one channel, whoever may subscribe by the channel's own rules. */
export interface SubscriptionGrant {
  /** Shown to others in this channel, in addition to the connection's info. */
  readonly info?: JsonText;
  /** For the client, in the reply. */
  readonly data?: Payload;
  /** Unix milliseconds. */
  readonly expiresAt?: number;
  readonly overrides?: GrantOverrides;
  /** The token that grants it; undefined if that is the connection's, or none. */
  readonly origin?: TokenOrigin;
  /** The client had it before, and asked for it again. */
  readonly isKept?: true;
}

/** A grant for a server-side subscription. */
export interface ServerGrant extends SubscriptionGrant {
  /** Whether the server, and not the client, names the position to recover from. @default false */
  readonly isPositionOwn?: boolean;
}

/** Rules of the channel that differ for this subscription. */
export interface GrantOverrides {
  readonly hasPresence?: boolean;
  readonly hasJoinLeave?: boolean;
  /** Whether the client gets joins and leaves without asking for them. */
  readonly isJoinLeaveForced?: boolean;
  readonly isRecoveryForced?: boolean;
}

/** The request that opened the connection. */
export interface ConnectionRequest {
  /** Lower-case names. Values of repeated fields are joined by commas, cookies by semicolons. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  /** Headers that the client sent in the connect command instead. Not trustworthy: clients can send anything. */
  readonly emulatedHeaders?: Readonly<Record<string, string>>;
  /** Path and query. */
  readonly url: string;
  /** The peer's address, or what a trusted proxy says it is. */
  readonly address: string;
}

export interface Credentials {
  readonly token?: string;
  /** What the client sent with connect. */
  readonly data?: Payload;
  readonly request: ConnectionRequest;
}

/** A refusal names the disconnect that the client gets, or the error that makes it fetch another token. */
export type IdentityResult =
  | { readonly isAccepted: true; readonly identity: Identity }
  | { readonly isAccepted: false; readonly disconnect: DisconnectName; readonly reason: string }
  | {
      readonly isAccepted: false;
      readonly error: "tokenExpired";
      readonly reason?: string;
      /** Whose token it is. */
      readonly user?: string;
    };

export type Authenticate = (credentials: Credentials) => IdentityResult | Promise<IdentityResult>;

/** Who presents a subscription token, and for which channel. */
export interface TokenBearer {
  readonly channel: string;
  readonly user: string;
  readonly client: string;
}

export type GrantResult =
  | { readonly isAccepted: true; readonly grant: SubscriptionGrant }
  | { readonly isAccepted: false; readonly error: "tokenExpired"; readonly reason?: string }
  | {
      readonly isAccepted: false;
      readonly error: "permissionDenied";
      readonly reason: string;
      /** It was valid, and is revoked. */
      readonly isRevoked?: true;
    }
  /** A token for another user, or for another channel. */
  | { readonly isAccepted: false; readonly disconnect: "invalidToken"; readonly reason: string };

export type VerifySubscription = (token: string, bearer: TokenBearer) => GrantResult | Promise<GrantResult>;

const maxUserCharacters = 255;
const maxInfoCharacters = 4096;

/**
 * No authentication: takes the identity from the data of the connect command, `{user?: string, info?: any}`. For servers that
 * only this machine can reach. Tokens are refused, since accepting them unverified would only look safe.
 */
export const insecureAuth: Authenticate = ({ token, data }) => {
  if (token) return refuse("invalidToken", "this server has no key to verify tokens");
  const claims = data === undefined ? undefined : parsePayload(data);
  if (typeof claims !== "object" || claims === null || Array.isArray(claims)) return accept({ user: "" });
  const { user } = claims as Record<string, unknown>;
  if (user !== undefined && (typeof user !== "string" || user.length > maxUserCharacters))
    return refuse(
      "badRequest",
      `connect.data.user must be a string of up to ${maxUserCharacters} characters`,
    );
  const info = data === undefined ? undefined : payloadMember(data, "info");
  if (info === undefined) return accept({ user: user ?? "" });
  if (info.length > maxInfoCharacters)
    return refuse("badRequest", `connect.data.info may have ${maxInfoCharacters} characters of JSON`);
  return accept({ user: user ?? "", info });
};

function accept(identity: Identity): IdentityResult {
  return { isAccepted: true, identity };
}

function refuse(disconnect: DisconnectName, reason: string): IdentityResult {
  return { isAccepted: false, disconnect, reason };
}

/**
 * Who is behind a connection or a request, with everything derived from it. Immutable: {@link toClientIdentity} creates a new one
 * for every change.
 */
export interface ClientIdentity {
  /** Without the channels that came with it. */
  readonly identity: Identity;
  /** As others see the client. */
  readonly info: ClientInfo;
  /** As the application sees it. */
  readonly actor: Actor;
  /** Who is charged for the client (quota.ts). */
  readonly owner: string;
}

/** @param client connection id */
export function toClientIdentity(client: string, identity: Identity, owner: string): ClientIdentity {
  const { subscriptions, ...own } = identity;
  const { user, info } = own;
  return Object.freeze({
    identity: own,
    info: { user, client, ...(info !== undefined && { connInfo: info }) },
    actor: toActor(client, own),
    owner,
  });
}

/**
 * Who is charged for a client: its user, or its address if it has none.
 * @param addressKey the key under which the address is counted; empty for one that many may share
 */
export function ownerOf(user: string, addressKey: string): string {
  if (user !== "") return `user:${user}`;
  return addressKey === "" ? "" : `address:${addressKey}`;
}
