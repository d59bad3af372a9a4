/** Whether a server would accept a token, and why not. */
import { describeToken } from "../auth/describe-token.js";
import { createTokens } from "../auth/tokens.js";
import type { TokenKeys } from "./token-keys.js";

export interface TokenReport {
  readonly isAccepted: boolean;
  readonly kind?: "connection" | "subscription";
  readonly header?: object;
  readonly claims?: object;
  /** Why it is refused, in sentences. */
  readonly faults: readonly string[];
  /** How long it is good for from now on; undefined where it is not, or for ever. */
  readonly expiresInSeconds?: number;
}

/**
 * @param now unix milliseconds
 * @throws HF_OPTION_INVALID when the keys are not accepted, HF_KEYS_UNAVAILABLE when they cannot be had
 */
export async function checkToken(token: string, { options }: TokenKeys, now: number): Promise<TokenReport> {
  const tokens = createTokens({ ...options, now: () => now });
  const { roles, maxTokenBytes } = options;
  const description = describeToken(token, {
    now,
    ...(roles !== undefined && { roles }),
    ...(maxTokenBytes !== undefined && { maxTokenBytes }),
  });
  const { kind, header, claims } = description;
  const result =
    kind === "subscription"
      ? await tokens.verifySubscription(token, bearerOf(claims ?? {}))
      : await tokens.verifyConnection(token);
  const seconds = claims && secondsLeft(claims, now);
  const said = { ...(kind && { kind }), ...(header && { header }), ...(claims && { claims }) };
  if (result.isAccepted)
    return {
      isAccepted: true,
      ...said,
      faults: [],
      ...(seconds !== undefined && { expiresInSeconds: seconds }),
    };
  const reason = "reason" in result && result.reason ? [result.reason] : [];
  const faults = [...new Set([...description.faults, ...reason])];
  return {
    isAccepted: false,
    ...said,
    faults: faults.length > 0 ? faults : ["the token is out of its time"],
  };
}

/** Whom it is for, so that nothing but the token itself is judged. */
function bearerOf(claims: Readonly<Record<string, unknown>>) {
  const text = (name: string) => (typeof claims[name] === "string" ? (claims[name] as string) : "");
  return { channel: text("channel"), user: text("sub"), client: text("client") };
}

/** Until nobody may come with it any more; what came with it may go on for longer (`expire_at`). */
function secondsLeft(claims: Readonly<Record<string, unknown>>, now: number): number | undefined {
  const end = claims.exp;
  return typeof end === "number" ? Math.ceil(end - now / 1000) : undefined;
}
