/** Authenticates clients as the application says: by token, by its functions in order, or not at all. */

import { createTokens, type Tokens } from "../auth/tokens.js";
import { invalidOption, refuseUnknownOptions } from "../errors.js";
import type { Application } from "../sessions/application.js";
import { type Credentials, type Identity, type IdentityResult, insecureAuth } from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { findChannelNameFault } from "../wire/names.js";
import { parsePayload } from "../wire/payload.js";
import {
  type AppOptions,
  type AuthenticateContext,
  type AuthenticatedUser,
  type AuthenticateFunction,
  type Authentication,
  type Channels,
  type Methods,
  Rejection,
} from "./define-app.js";
import { type TimeLimit, toJsonText } from "./hooks.js";

export type CompiledAuthentication = Pick<
  Application,
  "authenticate" | "verifyConnection" | "verifySubscription" | "isRevoked"
> & {
  readonly tokens: Tokens | undefined;
};

export interface AuthenticationContext {
  readonly clock: Clock;
  /** Bounds the time of all functions together. */
  readonly limit: TimeLimit;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const userFields = ["id", "info", "roles", "meta", "expiresAt", "channels"];
const maxUserCharacters = 255;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function compileAuthentication(
  { authenticate, anonymous }: AppOptions<Channels, Methods>,
  { clock, limit, onError }: AuthenticationContext,
): CompiledAuthentication {
  if (anonymous !== undefined && typeof anonymous !== "boolean")
    throw invalidOption("anonymous", "true or false");
  if (authenticate === undefined) {
    if (anonymous === false)
      throw invalidOption("anonymous", "true without authenticate, since clients are not checked then");
    return { authenticate: insecureAuth, tokens: undefined };
  }
  const ways = [authenticate].flat() as readonly Authentication[];
  const functions = ways.filter((way): way is AuthenticateFunction => typeof way === "function");
  const sets = ways.filter((way) => typeof way !== "function");
  if (
    ways.length === 0 ||
    sets.length > 1 ||
    sets.some((way) => typeof way !== "object" || way === null || !("tokens" in way))
  )
    throw invalidOption("authenticate", "jwt({ … }), a function, or a list of functions and at most one jwt");
  const tokens = sets[0] && createTokens({ onError, ...sets[0].tokens, now: () => clock.now() });
  const isAnonymousAccepted = anonymous ?? false;
  const verifyConnection =
    tokens &&
    (async (token: string) => acceptToken(await tokens.verifyConnection(token), isAnonymousAccepted));
  return {
    tokens,
    authenticate: (credentials) =>
      authenticateClient(credentials, { verifyConnection, functions, limit, isAnonymousAccepted }),
    ...(verifyConnection && { verifyConnection }),
    ...(tokens && {
      verifySubscription: tokens.verifySubscription,
      isRevoked: tokens.revocations.isRevoked.bind(tokens.revocations),
    }),
  };
}

interface AuthenticationMethods {
  readonly verifyConnection: ((token: string) => Promise<IdentityResult>) | undefined;
  readonly functions: readonly AuthenticateFunction[];
  readonly limit: TimeLimit;
  readonly isAnonymousAccepted: boolean;
}

async function authenticateClient(
  credentials: Credentials,
  { verifyConnection, functions, limit, isAnonymousAccepted }: AuthenticationMethods,
): Promise<IdentityResult> {
  const { token, data, request } = credentials;
  if (token && verifyConnection) return await verifyConnection(token);
  const context = { ...request, token, data: data === undefined ? undefined : parsePayload(data) };
  try {
    const user = functions.length > 0 && (await limit("authenticate", () => firstMatch(functions, context)));
    if (user) return { isAccepted: true, identity: toIdentity(user) };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { isAccepted: false, disconnect: "permissionDenied", reason: error.message };
  }
  if (isAnonymousAccepted && !token) return { isAccepted: true, identity: { user: "" } };
  return token
    ? { isAccepted: false, disconnect: "invalidToken", reason: "unrecognized token" }
    : {
        isAccepted: false,
        disconnect: "badRequest",
        reason: "authentication required: connect with a token or other credentials",
      };
}

/** @returns undefined if no function identifies the client */
async function firstMatch(
  functions: readonly AuthenticateFunction[],
  context: AuthenticateContext,
): Promise<AuthenticatedUser | undefined> {
  for (const authenticate of functions) {
    const user = await authenticate(context);
    if (user !== undefined && user !== null) return user;
  }
  return undefined;
}

/** A token without `sub` is that of an anonymous user, which the application has to allow. */
function acceptToken(result: IdentityResult, isAnonymousAccepted: boolean): IdentityResult {
  if (!result.isAccepted) return result;
  if (result.identity.user === "" && !isAnonymousAccepted)
    return {
      isAccepted: false,
      disconnect: "invalidToken",
      reason: "the token has no user (sub), and anonymous clients are not allowed",
    };
  return { ...result, identity: { ...result.identity, hasToken: true } };
}

/** @throws TypeError if the application returned something other than a user */
function toIdentity(user: AuthenticatedUser): Identity {
  const wrong = (fault: string) => new TypeError(`authenticate returned ${fault}`);
  if (typeof user !== "object") throw wrong(`${typeof user}, not a user`);
  refuseUnknownOptions(user, userFields, "authenticate's user");
  const { id, info, roles, meta, expiresAt, channels = [] } = user;
  if (typeof id !== "string" || id.length > maxUserCharacters)
    throw wrong(`a user whose id is not a string of up to ${maxUserCharacters} characters`);
  if (roles !== undefined && !isStringList(roles))
    throw wrong("a user whose roles are not a list of strings");
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    throw wrong("a user whose expiresAt is not a number");
  if (!isStringList(channels)) throw wrong("a user whose channels are not a list of strings");
  for (const channel of channels) {
    const fault = findChannelNameFault(channel);
    if (fault) throw wrong(`a user with an invalid channel: ${fault}`);
  }
  return {
    user: id,
    ...(info !== undefined && { info: toJsonText(info, "authenticate") }),
    ...(roles && { roles }),
    ...(meta !== undefined && { meta }),
    ...(expiresAt !== undefined && { expiresAt }),
    ...(channels.length > 0 && { subscriptions: new Map(channels.map((channel) => [channel, {}])) }),
  };
}

function isStringList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}
