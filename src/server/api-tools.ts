/** What the server's HTTP interface does with an application: its methods, and its tokens. */
import type { CompiledApp } from "../app/compile-app.js";
import type { Tokens } from "../auth/tokens.js";
import type { Broker } from "../channels/broker.js";
import type { ApiTools } from "../http/api/methods.js";
import type { Control } from "../sessions/control.js";
import type { Clock } from "../time/clock.js";
import { disconnect, type ReplyError } from "../wire/codes.js";
import { RevocationLog } from "./revocation-log.js";

export async function callAsServer(
  app: CompiledApp,
  method: string,
  params: unknown,
): Promise<ReplyError | { readonly data: unknown }> {
  const text = params === undefined ? undefined : JSON.stringify(params);
  const outcome = await app.callAsServer(method, text);
  return "refusal" in outcome ? outcome.refusal : { data: JSON.parse(outcome.data) as unknown };
}

export interface RevocationContext {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly control: Control;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Connections end with their tokens, on whichever node these were revoked. */
export function createRevocationLog(
  { revocations }: Tokens,
  { broker, clock, control, onError }: RevocationContext,
): RevocationLog {
  return new RevocationLog({
    broker,
    revocations,
    now: () => clock.now(),
    onRevoked: () =>
      control.disconnectWhere(
        ({ identity }) => identity.hasToken === true && revocations.isRevoked(identity),
        disconnect("invalidToken", "revoked"),
      ),
    onError,
  });
}

/** @throws HF_REVOCATIONS_FULL, and what the broker's `publish` throws */
export async function revokeTokens(
  log: RevocationLog,
  revocation: Parameters<NonNullable<ApiTools["revoke"]>>[0],
): Promise<ReplyError | undefined> {
  const { user, token_id: tokenId, issued_before } = revocation;
  const issuedBefore = issued_before === undefined ? undefined : issued_before * 1000;
  if (tokenId !== undefined) await log.add({ tokenId });
  if (user !== undefined) await log.add({ user, ...(issuedBefore !== undefined && { issuedBefore }) });
  else if (issuedBefore !== undefined) await log.add({ issuedBefore });
  return undefined;
}
