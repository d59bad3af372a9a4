/** What the server's HTTP interface does with an application: its methods, and its tokens. */
import type { CompiledApp } from "../app/compile-app.js";
import type { Tokens } from "../auth/tokens.js";
import type { Broker } from "../channels/broker.js";
import type { Channels } from "../channels/channels.js";
import type { LogEvents } from "../channels/log.js";
import type { ApiTools } from "../http/api/methods.js";
import type { Audit } from "../observe/audit.js";
import type { Control } from "../sessions/control.js";
import type { Clock } from "../time/clock.js";
import type { ReplyError } from "../wire/codes.js";
import type { Payload } from "../wire/payload.js";
import { RevocationLog, revocationChannel } from "./revocation-log.js";

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
  readonly control: Control;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** What came with tokens ends with them, on whichever node these were revoked. */
export function createRevocationLog(
  { revocations }: Tokens,
  { broker, clock, control, onError }: RevocationContext,
): RevocationLog {
  return new RevocationLog({
    log: broker.log,
    revocations,
    now: () => clock.now(),
    onRevoked: () => control.endRevoked(),
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

/** What comes in the log of revocations is for no reader of a channel. */
export function withRevocations(channels: Channels, log: RevocationLog | undefined): LogEvents {
  if (log === undefined) return channels;
  return {
    onPublication(channel, publication, epoch) {
      if (channel === revocationChannel) log.receive(publication, epoch);
      else channels.onPublication(channel, publication, epoch);
    },
  };
}
