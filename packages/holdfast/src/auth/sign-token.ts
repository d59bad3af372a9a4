/** Makes tokens, for trying things out and for tests. Servers of applications have libraries of their own for that. */
import { SignJWT } from "jose";
import { HoldfastError } from "../errors.js";
import { type HmacAlgorithm, hmacAlgorithms, isHmacAlgorithm } from "./algorithms.js";
import { readSecrets } from "./secret-keys.js";

/** Options of tokens will do, of which these are looked at. */
export interface SignOptions {
  /** The first is the one that signs. */
  readonly secret?: string | readonly string[];
  /** @default "HS256" */
  readonly algorithm?: HmacAlgorithm;
}

/** Claims by their names in the token. None is added, and none is checked. */
export interface TokenClaims {
  /** User id. */
  readonly sub?: string;
  /** Unix seconds, as all times. */
  readonly exp?: number;
  readonly iat?: number;
  readonly nbf?: number;
  /** When the connection or subscription ends, in place of `exp`; 0 for never. */
  readonly expire_at?: number;
  /** What the token can be revoked by. */
  readonly jti?: string;
  readonly aud?: string | readonly string[];
  readonly iss?: string;
  readonly info?: unknown;
  /** Of a connection: what it is subscribed to from the start. */
  readonly channels?: readonly string[];
  /** Of a subscription: what it is for. */
  readonly channel?: string;
  readonly client?: string;
  readonly [name: string]: unknown;
}

/** @throws HF_OPTION_INVALID when there is no secret, or none that is accepted */
export async function signToken(options: SignOptions, claims: TokenClaims): Promise<string> {
  const { algorithm = "HS256" } = options;
  if (!isHmacAlgorithm(algorithm))
    throw new HoldfastError(
      "HF_OPTION_INVALID",
      `algorithm must be one of ${hmacAlgorithms.join(", ")}, but is ${JSON.stringify(algorithm)}`,
      { details: { option: "algorithm" } },
    );
  const [secret] = readSecrets(options.secret, algorithm);
  return new SignJWT({ ...claims } as Record<string, unknown>)
    .setProtectedHeader({ alg: algorithm, typ: "JWT" })
    .sign(secret as Uint8Array);
}
