/** The keys that tokens are made and checked with: of the command line, or of the configuration. */
import type { App, Authentication, TokenAuthentication } from "../app/define-app.js";
import type { TokenOptions } from "../auth/jwt-options.js";
import { type HmacAlgorithm, isHmacAlgorithm } from "../auth/jwt-options.js";
import { signToken, signWithKey, type TokenClaims, toPublicPem } from "../auth/sign-token.js";
import { HoldfastError } from "../errors.js";

export interface TokenKeys {
  /** As `jwt` takes them, with what else the configuration says of tokens. */
  readonly options: Omit<TokenOptions, "now">;
  /** A private or public key in PEM. */
  readonly pem?: string;
}

export interface GivenKeys {
  readonly secret?: string | undefined;
  /** A key in PEM. */
  readonly pem?: string | undefined;
}

/** What an application says of tokens. */
export function tokenOptionsOf(app: App | undefined): Omit<TokenOptions, "now"> | undefined {
  const ways = [app?.options.authenticate ?? []].flat() as readonly Authentication[];
  return ways.find((way): way is TokenAuthentication => typeof way === "object" && "tokens" in way)?.tokens;
}

/**
 * Keys that are given stand above those of the application; what that says of audience, issuer and roles counts anyway.
 * @throws HF_CLI_USAGE when there is no key at all
 */
export function findTokenKeys(app: App | undefined, { secret, pem }: GivenKeys): TokenKeys {
  const options = tokenOptionsOf(app);
  if (pem === undefined && secret === undefined) {
    if (options) return { options };
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "there is no key: give --secret, HOLDFAST_SECRET or --key, or say authenticate.jwt in the configuration",
    );
  }
  // Algorithms that were chosen for other keys say nothing of these.
  const {
    secret: _secret,
    publicKeys: _keys,
    jwksUrl: _url,
    algorithms: _algorithms,
    ...others
  } = options ?? {};
  if (pem === undefined) return { options: { ...others, ...(secret !== undefined && { secret }) } };
  return { options: { ...others, publicKeys: [toPublicPem(pem)] }, pem };
}

export interface SigningChoices {
  readonly algorithm?: string | undefined;
  readonly keyId?: string | undefined;
}

/** @throws HF_CLI_USAGE, HF_OPTION_INVALID when there is no key to sign with, or it does not suit the algorithm */
export async function makeToken(
  { options, pem }: TokenKeys,
  claims: TokenClaims,
  { algorithm, keyId }: SigningChoices,
): Promise<string> {
  if (pem !== undefined)
    return signWithKey({ pem, ...(algorithm && { algorithm }), ...(keyId && { keyId }) }, claims);
  if (options.secret === undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "the configuration has public keys only, which check tokens; give the private key with --key to make one",
    );
  const chosen = algorithm ?? options.algorithms?.find(isHmacAlgorithm);
  const signing = { secret: options.secret, ...(chosen && { algorithm: chosen as HmacAlgorithm }) };
  return signToken(signing, claims);
}
