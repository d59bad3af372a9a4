/** What a token that is made on the command line says. */
import { parseDuration } from "../app/duration.js";
import type { TokenOptions } from "../auth/jwt-options.js";
import type { TokenClaims } from "../auth/sign-token.js";
import { HoldfastError } from "../errors.js";

export interface ClaimChoices {
  readonly user: string;
  /** Of a connection: channels that it has from the start. */
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
 * @param options what tokens are held to: audience, issuer and the claim of roles go in as they ask for
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
      "--channel makes the token of one subscription, which has no --channels, --roles or --meta",
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
    `--expires must be a time such as 30s, 12h or 7d, of at most a year, or never, but is ${text}`,
  );
}

function readJson(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new HoldfastError("HF_CLI_USAGE", `${name} must be JSON, but is ${text}`, { cause });
  }
}
