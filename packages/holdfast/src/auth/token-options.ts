/** Resolves and checks the options of `jwt` in one place. */
import { invalidOption, refuseUnknownOptions } from "../errors.js";
import {
  type Algorithm,
  type HmacAlgorithm,
  isHmacAlgorithm,
  isPublicKeyAlgorithm,
  minSecretBytes,
  publicKeyAlgorithms,
  type TokenOptions,
} from "./jwt-options.js";
import { type PublicKey, readPublicKey, readSecrets, SecretKeys } from "./keys.js";
import { RemoteKeys } from "./remote-keys.js";

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
  allowWeakSecret: false,
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

/** One hour: a larger difference means that a clock is wrong. */
const maxToleranceSeconds = 3600;
/** Longer delays overflow timers. */
const maxTimerMs = 2 ** 31 - 1;

/** @throws HF_OPTION_INVALID naming the option and what is accepted; keys are never printed */
export function resolveTokenOptions(options: TokenOptions): TokenSettings {
  // A misspelt option, such as the audience, would otherwise have no effect.
  refuseUnknownOptions(options, tokenOptionNames);
  const { secret, jwksUrl, now, onError = () => {} } = options;
  const numbers = readNumbers(options);
  if (secret === undefined && options.publicKeys === undefined && jwksUrl === undefined)
    refuse("secret", "set if neither publicKeys nor jwksUrl is", "missing");
  for (const [name, value] of Object.entries({ now, onError, fetch: options.fetch ?? now }))
    if (typeof value !== "function") refuse(name, "a function", `of type ${typeof value}`);
  const strict = options.strictTokens ?? defaultTokenOptions.strictTokens;
  if (typeof strict !== "boolean") refuse("strictTokens", "true or false", JSON.stringify(strict));
  const isWeakAllowed = options.allowWeakSecret ?? defaultTokenOptions.allowWeakSecret;
  if (typeof isWeakAllowed !== "boolean")
    refuse("allowWeakSecret", "true or false", JSON.stringify(isWeakAllowed));
  const roles = options.roles ?? defaultTokenOptions.roles;
  if (typeof roles !== "string" || roles === "")
    refuse("roles", "the name of a claim", JSON.stringify(roles));
  const secrets =
    secret === undefined
      ? undefined
      : new SecretKeys(readSecrets(secret, "HS256", isWeakAllowed), isWeakAllowed);
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
    audiences: readStrings("audience", options.audience),
    issuers: readStrings("issuer", options.issuer),
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
  type Name = Exclude<keyof typeof defaultTokenOptions, "roles" | "strictTokens" | "allowWeakSecret">;
  const read = (name: Name, min: number, max: number) => {
    const value: unknown = options[name] ?? defaultTokenOptions[name];
    if (typeof value === "number" && Number.isInteger(value) && value >= min && value <= max) return value;
    const range = max === Number.MAX_SAFE_INTEGER ? `of at least ${min}` : `from ${min} to ${max}`;
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
    refuse(
      "publicKeys",
      "a non-empty list of PEM strings and JWK objects",
      Array.isArray(given) ? "empty" : `of type ${typeof given}`,
    );
  return given.map((each: unknown, index) => {
    const key = readPublicKey(each);
    return typeof key === "string" ? refuse(`publicKeys[${index}]`, "a public key for signatures", key) : key;
  });
}

function readKeysUrl(text: unknown): string {
  const url = typeof text === "string" && URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url?.protocol === "http:" && /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (url === undefined || (url.protocol !== "https:" && !isLocal))
    return refuse("jwksUrl", "an https URL, or an http URL of this machine");
  if (url.username !== "" || url.password !== "")
    refuse("jwksUrl", "a URL without user and password", "one with them");
  return url.href;
}

function readStrings(name: "audience" | "issuer", given: unknown): readonly string[] {
  if (given === undefined) return [];
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given];
  if (texts.length === 0 || !texts.every((text) => typeof text === "string" && text !== ""))
    refuse(name, "a non-empty string or a list of them", JSON.stringify(given));
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

/** Every secret must be long enough for an algorithm that is listed. */
function refuseShort(secrets: SecretKeys, algorithm: HmacAlgorithm): void {
  const short = secrets.findTooShort(algorithm);
  if (short === undefined) return;
  const place = short.index > 0 ? ` at index ${short.index}` : "";
  refuse(
    "secret",
    `at least ${minSecretBytes[algorithm]} bytes long for ${algorithm}`,
    `${short.bytes} bytes long${place}`,
  );
}

/** @param given left out for what may hold a secret */
function refuse(option: string, accepted: string, given?: string): never {
  throw invalidOption(option, accepted, given);
}
