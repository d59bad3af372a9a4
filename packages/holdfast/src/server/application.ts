/** What a server adds to an application: the audit of refused tokens, calls as the server, and revocations. */
import type { CompiledApp } from "../app/compile-app.js";
import type { Tokens } from "../auth/tokens.js";
import type { Broker } from "../channels/broker.js";
import type { ApiTools } from "../http/api/methods.js";
import type { Audit } from "../observe/audit.js";
import type { Application } from "../sessions/application.js";
import type { GrantResult, IdentityResult } from "../sessions/identity.js";
import type { NodeCommands } from "../sessions/node-commands.js";
import type { Clock } from "../time/clock.js";
import type { ReplyError } from "../wire/codes.js";
import type { Payload } from "../wire/payload.js";
import { RevocationLog } from "./revocation-log.js";

/** Records in the audit every token that an application refuses. */
export function withTokenAudit(application: Application, audit: Audit): Application {
  const { authenticate, verifyConnection, verifySubscription } = application;
  return {
    ...application,
    authenticate: async (credentials) => {
      const result = await authenticate(credentials);
      const reason = credentials.token && refusalOf(result);
      if (reason) audit("tokenRefused", { reason, address: credentials.request.address });
      return result;
    },
    ...(verifyConnection && {
      verifyConnection: async (token) => {
        const result = await verifyConnection(token);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason });
        return result;
      },
    }),
    ...(verifySubscription && {
      verifySubscription: async (token, bearer) => {
        const result = await verifySubscription(token, bearer);
        const reason = refusalOf(result);
        if (reason) audit("tokenRefused", { reason, ...bearer });
        return result;
      },
    }),
  };
}

/** Expired tokens are not recorded, since clients fetch new ones. Nor are those that could not be checked. */
function refusalOf(result: IdentityResult | GrantResult): string | undefined {
  if (result.isAccepted) return undefined;
  const isOfToken =
    "error" in result ? result.error !== "tokenExpired" : result.disconnect !== "internalError";
  return isOfToken ? result.reason : undefined;
}

export async function callAsServer(
  app: CompiledApp,
  method: string,
  params: Payload | undefined,
): Promise<ReplyError | { readonly data: Payload }> {
  const outcome = await app.callAsServer(method, params);
  return "refusal" in outcome ? outcome.refusal : outcome;
}

export interface RevocationContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly commands: Pick<NodeCommands, "endRevoked">;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Ends connections and subscriptions of revoked tokens, on whichever node they were revoked. */
export function createRevocationLog(
  { revocations }: Tokens,
  { broker, clock, commands, onError }: RevocationContext,
): RevocationLog {
  return new RevocationLog({
    log: broker.log,
    revocations,
    now: () => clock.now(),
    onRevoked: () => commands.endRevoked(),
    onError,
  });
}

/** @throws HF_REVOCATIONS_FULL, and what the broker's `publish` throws */
export async function revokeTokens(
  log: RevocationLog,
  revocation: Parameters<NonNullable<ApiTools["revoke"]>>[0],
  audit: Audit,
): Promise<ReplyError | undefined> {
  const { user, token_id: tokenId, issued_before } = revocation;
  const issuedBefore = issued_before === undefined ? undefined : issued_before * 1000;
  if (tokenId !== undefined) await log.add({ tokenId });
  if (user !== undefined) await log.add({ user, ...(issuedBefore !== undefined && { issuedBefore }) });
  else if (issuedBefore !== undefined) await log.add({ issuedBefore });
  audit("tokensRevoked", {
    ...(user !== undefined && { user }),
    ...(tokenId !== undefined && { tokenId }),
    ...(issuedBefore !== undefined && { issuedBefore }),
  });
  return undefined;
}
