/** Tokens for clients, made by the application's own server: what a `/token` route answers. */

import { describeToken, type SignOptions, signToken as sign, type TokenClaims } from "../auth/sign-token.js";
import { HoldfastError } from "../errors.js";
import { type Duration, durationAdvice, parseDuration } from "../time/clock.js";

export interface SignTokenOptions extends SignOptions {
  /** Lifetime of the token, in milliseconds or as text such as `1h`; `null` for no expiry. A claim `exp` overrides it. @default "1h" */
  readonly expiresIn?: Duration | null;
}

/**
 * Makes a token that `jwt({ secret })` accepts, for a user whom the caller has authenticated.
 * @param claims `sub` is the user, and with `channel` it is the token of one subscription; `iat` and `exp` are added
 * @throws HF_OPTION_INVALID when the secret or a claim is not accepted; the secret is never printed
 */
export async function signToken(options: SignTokenOptions, claims: TokenClaims): Promise<string> {
  const { expiresIn = "1h", ...signing } = options;
  const token = await sign(signing, { ...times(expiresIn, Math.floor(Date.now() / 1000)), ...claims });
  const { faults } = describeToken(token);
  if (faults.length === 0) return token;
  throw new HoldfastError("HF_OPTION_INVALID", `claims are invalid: ${faults.join("; ")}`, {
    details: { option: "claims" },
  });
}

function times(expiresIn: Duration | null, issuedAt: number): Pick<TokenClaims, "iat" | "exp"> {
  if (expiresIn === null) return { iat: issuedAt };
  const ms = parseDuration(expiresIn);
  if (ms === undefined || ms < 1000)
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `expiresIn must be ${durationAdvice}, at least a second, or null, but is ${JSON.stringify(expiresIn)}`,
      { details: { option: "expiresIn" } },
    );
  return { iat: issuedAt, exp: issuedAt + Math.floor(ms / 1000) };
}
