/** Who a client is: by its token, or as the application finds out, in the order the application says. */
import { createTokens, type Tokens } from "../auth/tokens.js";
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import type { Application } from "../sessions/application.js";
import {
  insecureAuth,
  type Credentials,
  type Identity,
  type IdentityResult,
} from "../sessions/identity.js";
import type { Clock } from "../time/clock.js";
import { findChannelNameFault } from "../wire/names.js";
import type {
  AppOptions,
  AuthenticateContext,
  AuthenticatedUser,
  AuthenticateFunction,
  Authentication,
  Channels,
  Methods,
} from "./define-app.js";
import { toJsonText } from "./json-text.js";
import { Rejection } from "./rejection.js";
import type { TimeLimit } from "./time-limit.js";

export type Authentications = Pick<
  Application,
  "authenticate" | "verifyConnection" | "verifySubscription" | "isRevoked"
> & {
  readonly tokens: Tokens | undefined;
};

export interface AuthenticationContext {
  readonly clock: Clock;
  /** Bounds the time of all functions that are asked together. */
  readonly limit: TimeLimit;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

const userFields = ["id", "info", "roles", "meta", "expiresAt", "channels"];
const maxUserCharacters = 255;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function compileAuthentication(
  { authenticate, anonymous }: AppOptions<Channels, Methods>,
  { clock, limit, onError }: AuthenticationContext,
): Authentications {
  if (anonymous !== undefined && typeof anonymous !== "boolean") throw refuse("anonymous", "true or false");
  if (authenticate === undefined) {
    if (anonymous === false)
      throw refuse("anonymous", "true where there is no authenticate, which could tell who is who");
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
    throw refuse("authenticate", "jwt({ … }), a function, or a list of functions and at most one jwt");
  const tokens = sets[0] && createTokens({ onError, ...sets[0].tokens, now: () => clock.now() });
  const isAnonymousAccepted = anonymous ?? false;
  const verifyConnection =
    tokens && (async (token: string) => withToken(await tokens.verifyConnection(token), isAnonymousAccepted));
  return {
    tokens,
    authenticate: (credentials) =>
      findOut(credentials, { verifyConnection, functions, limit, isAnonymousAccepted }),
    ...(verifyConnection && { verifyConnection }),
    ...(tokens && {
      verifySubscription: (token, bearer) => tokens.verifySubscription(token, bearer),
      isRevoked: (token) => tokens.revocations.isRevoked(token),
    }),
  };
}

interface Ways {
  readonly verifyConnection: ((token: string) => Promise<IdentityResult>) | undefined;
  readonly functions: readonly AuthenticateFunction[];
  readonly limit: TimeLimit;
  readonly isAnonymousAccepted: boolean;
}

async function findOut(
  credentials: Credentials,
  { verifyConnection, functions, limit, isAnonymousAccepted }: Ways,
): Promise<IdentityResult> {
  const { token, data, request } = credentials;
  if (token && verifyConnection) return await verifyConnection(token);
  const context = { ...request, token, data: data === undefined ? undefined : (JSON.parse(data) as unknown) };
  try {
    const user = functions.length > 0 && (await limit("authenticate", () => askInTurn(functions, context)));
    if (user) return { isAccepted: true, identity: toIdentity(user) };
  } catch (error) {
    if (!(error instanceof Rejection)) throw error;
    return { isAccepted: false, disconnect: "permissionDenied", reason: error.message };
  }
  if (isAnonymousAccepted && !token) return { isAccepted: true, identity: { user: "" } };
  return token
    ? { isAccepted: false, disconnect: "invalidToken", reason: "nothing here knows this token" }
    : {
        isAccepted: false,
        disconnect: "badRequest",
        reason: "connect needs a token, or a request that says who you are",
      };
}

/** @returns undefined where none knows */
async function askInTurn(
  functions: readonly AuthenticateFunction[],
  context: AuthenticateContext,
): Promise<AuthenticatedUser | undefined> {
  for (const authenticate of functions) {
    const user = await authenticate(context);
    if (user !== undefined && user !== null) return user;
  }
  return undefined;
}

/** Whoever shows a token without `sub` is anonymous, which is for the application to allow. */
function withToken(result: IdentityResult, isAnonymousAccepted: boolean): IdentityResult {
  if (!result.isAccepted) return result;
  if (result.identity.user === "" && !isAnonymousAccepted)
    return {
      isAccepted: false,
      disconnect: "invalidToken",
      reason: "the token names no user (sub), and anonymous clients are not accepted",
    };
  return { ...result, identity: { ...result.identity, hasToken: true } };
}

/** @throws TypeError where the application gave something else than a user */
function toIdentity(user: AuthenticatedUser): Identity {
  const wrong = (fault: string) => new TypeError(`authenticate gave ${fault}`);
  if (typeof user !== "object") throw wrong(`${typeof user}, not a user`);
  refuseUnknownOptions(user, userFields, "authenticate's user");
  const { id, info, roles, meta, expiresAt, channels = [] } = user;
  if (typeof id !== "string" || id.length > maxUserCharacters)
    throw wrong(`a user whose id is no text of up to ${maxUserCharacters} characters`);
  if (roles !== undefined && !isTexts(roles)) throw wrong("a user whose roles are no list of texts");
  if (expiresAt !== undefined && !Number.isFinite(expiresAt))
    throw wrong("a user whose expiresAt is no number");
  if (!isTexts(channels)) throw wrong("a user whose channels are no list of texts");
  for (const channel of channels) {
    const fault = findChannelNameFault(channel);
    if (fault) throw wrong(`a user with a channel that is not accepted: ${fault}`);
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

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function refuse(option: string, accepted: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}`, { details: { option } });
}
