/** What the server's HTTP interface does with an application: its methods, and its tokens. */
import type { CompiledApp } from "../app/compile-app.js";
import type { Tokens } from "../auth/tokens.js";
import type { ApiTools } from "../http/api/methods.js";
import type { Control } from "../sessions/control.js";
import { disconnect, type ReplyError } from "../wire/codes.js";

export async function callAsServer(
  app: CompiledApp,
  method: string,
  params: unknown,
): Promise<ReplyError | { readonly data: unknown }> {
  const text = params === undefined ? undefined : JSON.stringify(params);
  const outcome = await app.callAsServer(method, text);
  return "refusal" in outcome ? outcome.refusal : { data: JSON.parse(outcome.data) as unknown };
}

export async function revokeTokens(
  tokens: Tokens,
  control: Control,
  revocation: Parameters<NonNullable<ApiTools["revoke"]>>[0],
): Promise<ReplyError | undefined> {
  const { user, token_id: tokenId, issued_before } = revocation;
  const issuedBefore = issued_before === undefined ? undefined : issued_before * 1000;
  if (tokenId !== undefined) tokens.revocations.add({ tokenId });
  if (user !== undefined)
    tokens.revocations.add({ user, ...(issuedBefore !== undefined && { issuedBefore }) });
  else if (issuedBefore !== undefined) tokens.revocations.add({ issuedBefore });
  control.disconnectWhere(
    ({ identity }) => identity.hasToken === true && tokens.revocations.isRevoked(identity),
    disconnect("invalidToken", "revoked"),
  );
  return undefined;
}
