/** Options of a client, with their defaults, and tokens: checked and resolved in one place. */
import type { AnyApp, HasBinaryChannels, Payloads } from "../../holdfast/src/app/app-shape.js";
import { HoldfastError, invalidOption, refuseUnknownOptions } from "../../holdfast/src/errors.js";
import { type OnError, throwLater } from "./listeners.js";
import { assertPayloads } from "./payload.js";

/** @typeParam A the server's application: `typeof app` */
export interface ClientOptions<A extends AnyApp = AnyApp> {
  /**
   * Identifies the user. If a function throws, or returns something that is not a token, such as the error page of a proxy, it is
   * called again later; if it returns an empty string, for a user who is not logged in, the connection ends for good.
   * @default none
   */
  readonly token?: TokenSource;
  /** JSON sent with the connect command, for the application's `authenticate` and `onConnect`. @default nothing */
  readonly data?: unknown;
  /** Headers sent with the connect command, since browsers cannot add any to the request. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** Name of this kind of client, for the server's operators. @default "holdfast" */
  readonly name?: string;
  /** Minimum delay before reconnecting, in milliseconds; delays are random, from a range that grows with each attempt. @default 500 */
  readonly minReconnectDelayMs?: number;
  /** Maximum delay before reconnecting, in milliseconds. @default 20,000 */
  readonly maxReconnectDelayMs?: number;
  /** Called with the delay before each attempt to reconnect, in milliseconds. @default none */
  readonly onReconnectDelay?: (delayMs: number) => void;
  /** Time for a reply, including the time to connect, in milliseconds. @default 5,000 */
  readonly requestTimeoutMs?: number;
  /** Maximum number of unacknowledged publications, of all channels; beyond, `publish` rejects. `null` lifts the bound. @default 1,000 */
  readonly maxQueuedPublications?: number | null;
  /** Time for a publication to be acknowledged, including time offline, in milliseconds. `null` lifts the bound. @default 120,000 */
  readonly publishTimeoutMs?: number | null;
  /** Maximum size of a message to the server, in bytes; servers end connections that exceed their own bound. @default 64 KiB */
  readonly maxMessageBytes?: number;
  /**
   * What channels carry, by pattern, as their `payload` on the server says: data of `"binary"` ones is a Uint8Array, published and read.
   * If several match a name, the most specific wins.
   * @default "json" for all
   */
  readonly payloads?: Payloads<A>;
  /** The WebSocket class. @default the global one; in Node.js, the client's own */
  readonly webSocket?: WebSocketClass;
  /** Called with errors of listeners, and with failures that the client recovers from. @default errors of listeners are rethrown as uncaught errors */
  readonly onError?: OnError;
}

/** The options of `connect`: required if the application has channels of bytes, which have to be named. */
export type OptionsArgument<A extends AnyApp> =
  HasBinaryChannels<A> extends true
    ? [options: ClientOptions<A> & { readonly payloads: Payloads<A> }]
    : [options?: ClientOptions<A>];

/** A class with the interface of the WebSocket of browsers. */
export type WebSocketClass = new (url: string, protocols?: string[]) => object;

export type ResolvedOptions = Required<Omit<ClientOptions, Optional>> & Pick<ClientOptions, Optional>;

type Optional = "token" | "data" | "headers" | "webSocket" | "onReconnectDelay";

export const defaultClientOptions = Object.freeze({
  name: "holdfast",
  minReconnectDelayMs: 500,
  maxReconnectDelayMs: 20_000,
  requestTimeoutMs: 5000,
  maxQueuedPublications: 1000,
  publishTimeoutMs: 120_000,
  maxMessageBytes: 64 * 1024,
  payloads: Object.freeze({}) as Payloads<AnyApp>,
  onError: ((error, { stage }) => {
    if (stage !== "connecting" && stage !== "subscribing") throwLater(error);
  }) as OnError,
});

export const clientOptionNames: readonly (keyof ClientOptions)[] = [
  "token",
  "data",
  "headers",
  "webSocket",
  "onReconnectDelay",
  ...(Object.keys(defaultClientOptions) as (keyof ClientOptions)[]),
];

/** Longer delays overflow timers. */
const maxTimerMs = 2 ** 31 - 1;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function resolveClientOptions(options: ClientOptions): ResolvedOptions {
  refuseUnknownOptions(options, clientOptionNames);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = { ...defaultClientOptions, ...given };
  checkNumber(resolved, "minReconnectDelayMs", 1, maxTimerMs);
  checkNumber(resolved, "maxReconnectDelayMs", 1, maxTimerMs);
  checkNumber(resolved, "requestTimeoutMs", 1, maxTimerMs);
  checkNumber(resolved, "publishTimeoutMs", 1, maxTimerMs, "null");
  checkNumber(resolved, "maxQueuedPublications", 1, Number.MAX_SAFE_INTEGER, "null");
  checkNumber(resolved, "maxMessageBytes", 256, Number.MAX_SAFE_INTEGER);
  const { minReconnectDelayMs, maxReconnectDelayMs, token, headers, webSocket } = resolved;
  if (minReconnectDelayMs > maxReconnectDelayMs)
    throw invalidOption("minReconnectDelayMs", "at most maxReconnectDelayMs", describe(minReconnectDelayMs));
  if (token !== undefined && typeof token !== "string" && typeof token !== "function")
    throw invalidOption("token", "a string or a function", `of type ${typeof token}`);
  if (headers !== undefined && !isStringRecord(headers))
    throw invalidOption("headers", "an object of strings", describe(headers));
  if (typeof resolved.name !== "string") throw invalidOption("name", "a string", describe(resolved.name));
  if (typeof resolved.onError !== "function")
    throw invalidOption("onError", "a function", describe(resolved.onError));
  const { onReconnectDelay } = resolved;
  if (onReconnectDelay !== undefined && typeof onReconnectDelay !== "function")
    throw invalidOption("onReconnectDelay", "a function", describe(onReconnectDelay));
  assertPayloads(resolved.payloads);
  if (webSocket !== undefined && typeof webSocket !== "function")
    throw invalidOption("webSocket", "a WebSocket class", describe(webSocket));
  return Object.freeze(resolved);
}

function checkNumber(
  options: ResolvedOptions,
  name: keyof ResolvedOptions,
  min: number,
  max: number,
  other?: "null",
): void {
  const value = options[name];
  if (other === "null" && value === null) return;
  if (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw invalidOption(
    name,
    `an integer from ${min} to ${max}${other ? ` or ${other}` : ""}`,
    describe(value),
  );
}

function isStringRecord(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => typeof each === "string")
  );
}

function describe(value: unknown): string {
  return typeof value === "function" ? "a function" : JSON.stringify(value);
}

/** A token, or a function that gets one: called at first, and again whenever the token has expired. */
export type TokenSource = string | (() => string | Promise<string>);

interface SdkToken {
  readonly token?: string;
  readonly getToken?: () => Promise<string>;
}

/** As the SDK wants it. */
export function toSdkToken(source: TokenSource | undefined): SdkToken {
  if (source === undefined) return {};
  return typeof source === "string" ? { token: source } : { getToken: () => requestToken(source) };
}

/**
 * If this rejects, the SDK tries again later; with an empty string, it ends the connection for good.
 * @throws what the function throws, and HF_OPTION_INVALID if it does not return a token
 */
async function requestToken(source: () => string | Promise<string>): Promise<string> {
  const given: unknown = await source();
  if (typeof given !== "string")
    throw invalidToken(
      `${given === null ? "null" : typeof given}; if the response is JSON, return its token property`,
    );
  const token = given.trim();
  // A server would refuse it as invalid, and the client would not reconnect.
  if (/\s|^[<{["]/.test(token))
    throw invalidToken("a page or JSON; check response.ok before reading the text of a response");
  return token;
}

function invalidToken(given: string): HoldfastError {
  return new HoldfastError(
    "HF_OPTION_INVALID",
    `the token function must return a token, but returned ${given}`,
    {
      details: { option: "token" },
    },
  );
}
