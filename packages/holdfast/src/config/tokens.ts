/** Tokens on the command line: the keys they are made and checked with, their claims, and whether a server would accept them. */
import type { App, Authentication, TokenAuthentication } from "../app/define-app.js";
import { type HmacAlgorithm, isHmacAlgorithm, type TokenOptions } from "../auth/jwt-options.js";
import { describeToken, signToken, signWithKey, type TokenClaims, toPublicPem } from "../auth/sign-token.js";
import { createTokens } from "../auth/tokens.js";
import { HoldfastError } from "../errors.js";
import { parseDuration } from "../time/clock.js";

export interface TokenKeys {
  /** As for `jwt`, with the other options of tokens in the configuration. */
  readonly options: Omit<TokenOptions, "now">;
  /** A private or public key in PEM. */
  readonly pem?: string;
}

export interface GivenKeys {
  readonly secret?: string | undefined;
  /** A key in PEM. */
  readonly pem?: string | undefined;
}

/** The options of tokens of an application. */
export function tokenOptionsOf(app: App | undefined): Omit<TokenOptions, "now"> | undefined {
  const ways = [app?.options.authenticate ?? []].flat() as readonly Authentication[];
  return ways.find((way): way is TokenAuthentication => typeof way === "object" && "tokens" in way)?.tokens;
}

/**
 * Given keys replace those of the application; its audience, issuer and roles count anyway.
 * @throws HF_CLI_USAGE without any key
 */
export function findTokenKeys(app: App | undefined, { secret, pem }: GivenKeys): TokenKeys {
  const options = tokenOptionsOf(app);
  if (pem === undefined && secret === undefined) {
    if (options) return { options };
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "no key: pass --secret, HOLDFAST_SECRET or --key, or set authenticate.jwt in the configuration",
    );
  }
  // Algorithms that were chosen for other keys do not apply.
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
      "the configuration has only public keys, which cannot sign; pass the private key with --key",
    );
  const chosen = algorithm ?? options.algorithms?.find(isHmacAlgorithm);
  const signing = { secret: options.secret, ...(chosen && { algorithm: chosen as HmacAlgorithm }) };
  return signToken(signing, claims);
}

export interface ClaimChoices {
  readonly user: string;
  /** Of a connection: channels to be subscribed to at once. */
  readonly channels?: readonly string[] | undefined;
  /** Makes it the token of a subscription. */
  readonly channel?: string | undefined;
  readonly roles?: readonly string[] | undefined;
  /** A duration, or `never`. */
  readonly expires: string;
  /** JSON. */
  readonly info?: string | undefined;
  /** JSON. */
  readonly meta?: string | undefined;
  readonly id?: string | undefined;
}

/**
 * @param options what tokens must have: audience, issuer and the claim of roles are set to match
 * @param now unix milliseconds
 * @throws HF_CLI_USAGE when something is not accepted
 */
export function toClaims(
  choices: ClaimChoices,
  options: Pick<TokenOptions, "audience" | "issuer" | "roles">,
  now: number,
): TokenClaims {
  const { user, channels, channel, roles, expires, info, meta, id } = choices;
  if (channel !== undefined && (channels ?? roles ?? meta) !== undefined)
    throw new HoldfastError(
      "HF_CLI_USAGE",
      "--channel makes a subscription token, which cannot have --channels, --roles or --meta",
    );
  const issuedAt = Math.floor(now / 1000);
  const [audience, issuer] = [firstOf(options.audience), firstOf(options.issuer)];
  return {
    sub: user,
    iat: issuedAt,
    ...(expires !== "never" && { exp: issuedAt + readSeconds(expires) }),
    ...(audience !== undefined && { aud: audience }),
    ...(issuer !== undefined && { iss: issuer }),
    ...(id !== undefined && { jti: id }),
    ...(channel !== undefined && { channel }),
    ...(channels && { channels }),
    ...(roles && { [options.roles ?? "roles"]: roles }),
    ...(info !== undefined && { info: readJson("--info", info) }),
    ...(meta !== undefined && { meta: readJson("--meta", meta) }),
  };
}

function firstOf(texts: string | readonly string[] | undefined): string | undefined {
  return typeof texts === "string" ? texts : texts?.[0];
}

function readSeconds(text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined && ms >= 1000) return Math.floor(ms / 1000);
  throw new HoldfastError(
    "HF_CLI_USAGE",
    `--expires must be a time such as 30s, 12h or 7d, at most a year, or never, but is ${text}`,
  );
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError("HF_CLI_USAGE", `${name} must be JSON, but is ${text}`, { cause });
  }
}

export interface TokenReport {
  readonly isAccepted: boolean;
  readonly kind?: "connection" | "subscription";
  readonly header?: object;
  readonly claims?: object;
  /** Why it is refused, in sentences. */
  readonly faults: readonly string[];
  /** How long it is still valid; undefined where it is not, or for ever. */
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
    faults: faults.length > 0 ? faults : ["the token has expired or is not valid yet"],
  };
}

/** The bearer that it names, so that only the token itself is judged. */
function bearerOf(claims: Readonly<Record<string, unknown>>) {
  const text = (name: string) => (typeof claims[name] === "string" ? (claims[name] as string) : "");
  return { channel: text("channel"), user: text("sub"), client: text("client") };
}

/** Until it is no longer accepted; connections made with it may last longer (`expire_at`). */
function secondsLeft(claims: Readonly<Record<string, unknown>>, now: number): number | undefined {
  const end = claims.exp;
  return typeof end === "number" ? Math.ceil(end - now / 1000) : undefined;
}
