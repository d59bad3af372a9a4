/** Options of tokens: each with its default and what changing it costs, resolved and checked in one place. */
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import {
  type Algorithm,
  type HmacAlgorithm,
  isHmacAlgorithm,
  isPublicKeyAlgorithm,
  leastSecretBytes,
  publicKeyAlgorithms,
} from "./algorithms.js";
import type { TokenOptions } from "./jwt-options.js";
import { type PublicKey, readPublicKey } from "./public-keys.js";
import { RemoteKeys } from "./remote-keys.js";
import { readSecrets, SecretKeys } from "./secret-keys.js";

export interface TokenSettings {
  readonly secrets?: SecretKeys;
  readonly publicKeys: readonly PublicKey[];
  readonly remoteKeys?: RemoteKeys;
  readonly audiences: readonly string[];
  readonly issuers: readonly string[];
  readonly algorithms: readonly Algorithm[];
  readonly toleranceMs: number;
  readonly notBeforeLeewayMs: number;
  readonly isStrict: boolean;
  readonly maxTokenBytes: number;
  readonly rolesClaim: string;
  readonly maxRevocations: number;
  readonly now: () => number;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export const defaultTokenOptions = Object.freeze({
  clockToleranceSeconds: 0,
  notBeforeLeewaySeconds: 10,
  strictTokens: false,
  maxTokenBytes: 8192,
  roles: "roles",
  maxRevocations: 100_000,
  jwksTimeoutMs: 5000,
  jwksCooldownMs: 30_000,
  jwksMaxAgeMs: 600_000,
}) satisfies Partial<TokenOptions>;

const tokenOptionNames: readonly string[] = [
  ...Object.keys(defaultTokenOptions),
  "secret",
  "publicKeys",
  "jwksUrl",
  "audience",
  "issuer",
  "algorithms",
  "now",
  "fetch",
  "onError",
];

/** An hour: beyond, a clock is wrong. */
const maxToleranceSeconds = 3600;
/** What timers of Node.js can wait. */
const maxTimerMs = 2 ** 31 - 1;

/** @throws HF_OPTION_INVALID naming the option and what is accepted; keys are never printed */
export function resolveTokenOptions(options: TokenOptions): TokenSettings {
  // A bound that is misspelt, such as the audience, would else hold nobody off.
  refuseUnknownOptions(options, tokenOptionNames);
  const { secret, jwksUrl, now, onError = () => {} } = options;
  const numbers = readNumbers(options);
  if (secret === undefined && options.publicKeys === undefined && jwksUrl === undefined)
    refuse("secret", "given where neither publicKeys nor jwksUrl is", "missing");
  for (const [name, value] of Object.entries({ now, onError, fetch: options.fetch ?? now }))
    if (typeof value !== "function") refuse(name, "a function", `of type ${typeof value}`);
  const strict = options.strictTokens ?? defaultTokenOptions.strictTokens;
  if (typeof strict !== "boolean") refuse("strictTokens", "true or false", JSON.stringify(strict));
  const roles = options.roles ?? defaultTokenOptions.roles;
  if (typeof roles !== "string" || roles === "") refuse("roles", "the name of a claim", "not");
  const secrets = secret === undefined ? undefined : new SecretKeys(readSecrets(secret));
  const publicKeys = readPublicKeys(options.publicKeys);
  const remoteKeys =
    jwksUrl === undefined
      ? undefined
      : new RemoteKeys({
          url: readKeysUrl(jwksUrl),
          fetch: options.fetch ?? fetch,
          now,
          timeoutMs: numbers.jwksTimeoutMs,
          cooldownMs: numbers.jwksCooldownMs,
          maxAgeMs: numbers.jwksMaxAgeMs,
          onError,
        });
  const suitable: readonly Algorithm[] = [
    ...(secrets?.algorithms ?? []),
    ...publicKeyAlgorithms.filter((name) => remoteKeys || publicKeys.some((key) => key.algorithms.has(name))),
  ];
  return {
    ...(secrets && { secrets }),
    publicKeys,
    ...(remoteKeys && { remoteKeys }),
    audiences: readTexts("audience", options.audience),
    issuers: readTexts("issuer", options.issuer),
    algorithms: readAlgorithms(options.algorithms, suitable, secrets),
    toleranceMs: numbers.clockToleranceSeconds * 1000,
    notBeforeLeewayMs: numbers.notBeforeLeewaySeconds * 1000,
    isStrict: strict,
    maxTokenBytes: numbers.maxTokenBytes,
    rolesClaim: roles,
    maxRevocations: numbers.maxRevocations,
    now,
    onError,
  };
}

function readNumbers(options: TokenOptions) {
  type Name = Exclude<keyof typeof defaultTokenOptions, "roles" | "strictTokens">;
  const read = (name: Name, least: number, most: number) => {
    const value: unknown = options[name] ?? defaultTokenOptions[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
    return refuse(name, `an integer ${range}`, JSON.stringify(value));
  };
  return {
    clockToleranceSeconds: read("clockToleranceSeconds", 0, maxToleranceSeconds),
    notBeforeLeewaySeconds: read("notBeforeLeewaySeconds", 0, maxToleranceSeconds),
    maxTokenBytes: read("maxTokenBytes", 1, Number.MAX_SAFE_INTEGER),
    maxRevocations: read("maxRevocations", 1, Number.MAX_SAFE_INTEGER),
    jwksTimeoutMs: read("jwksTimeoutMs", 1, maxTimerMs),
    jwksCooldownMs: read("jwksCooldownMs", 1, Number.MAX_SAFE_INTEGER),
    jwksMaxAgeMs: read("jwksMaxAgeMs", 1, Number.MAX_SAFE_INTEGER),
  };
}

function readPublicKeys(given: TokenOptions["publicKeys"]): readonly PublicKey[] {
  if (given === undefined) return [];
  if (!Array.isArray(given) || given.length === 0)
    refuse("publicKeys", "a list of PEM texts and JWK objects", "not, or an empty one");
  return given.map((each: unknown, index) => {
    const key = readPublicKey(each);
    return typeof key === "string" ? refuse(`publicKeys[${index}]`, "a public key for signatures", key) : key;
  });
}

function readKeysUrl(text: unknown): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== "https:" && !isLocal))
    return refuse("jwksUrl", "an https address, or an http one on this machine", "not");
  if (url.username !== "" || url.password !== "")
    refuse("jwksUrl", "without a user and a password", "with them");
  return url.href;
}

function readTexts(name: "audience" | "issuer", given: unknown): readonly string[] {
  if (given === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (texts.length === 0 || !texts.every((text) => typeof text === "string" && text !== ""))
    refuse(name, "a text, or a list of texts", JSON.stringify(given));
  return texts as readonly string[];
}

function readAlgorithms(
  given: unknown,
  suitable: readonly Algorithm[],
  secrets: SecretKeys | undefined,
): readonly Algorithm[] {
  if (given === undefined) return suitable;
  const names: readonly unknown[] = Array.isArray(given) ? given : [];
  for (const name of names) if (secrets && isHmacAlgorithm(name)) refuseShort(secrets, name);
  const unsuitable = names.find((name) => !(suitable as readonly unknown[]).includes(name));
  if (names.length === 0)
    refuse("algorithms", `a list of some of ${suitable.join(", ")}`, JSON.stringify(given));
  if (unsuitable !== undefined) {
    const isKnown = isHmacAlgorithm(unsuitable) || isPublicKeyAlgorithm(unsuitable);
    const why = isKnown ? ", for which there is no key" : "";
    refuse("algorithms", `of ${suitable.join(", ")}`, `${JSON.stringify(unsuitable)}${why}`);
  }
  return names as readonly Algorithm[];
}

/** Where it is named, every secret has to be long enough for it. */
function refuseShort(secrets: SecretKeys, algorithm: HmacAlgorithm): void {
  const short = secrets.findTooShort(algorithm);
  if (short === undefined) return;
  const place = short.index > 0 ? ` at place ${short.index}` : "";
  refuse(
    "secret",
    `at least ${leastSecretBytes[algorithm]} bytes long for ${algorithm}`,
    `${short.bytes} bytes long${place}`,
  );
}

function refuse(option: string, accepted: string, given: string): never {
  throw new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}, but is ${given}`, {
    details: { option },
  });
}
