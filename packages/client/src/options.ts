/** Options of a client: each with its default and what changing it costs, checked and resolved in one place. */
import { HoldfastError, refuseUnknownOptions } from "../../holdfast/src/errors.js";
import { type OnError, throwLater } from "./listeners.js";
import type { TokenSource } from "./token-source.js";

export interface ClientOptions {
  /**
   * Says who this is. Where a function throws, or gives what is no token, such as the page of a proxy whose server is away, it is
   * asked again later; with an empty text, that nobody is logged in, the connection ends for good. @default none
   */
  readonly token?: TokenSource;
  /** Sent with the connect command: JSON, for the server's `authenticate` and `onConnect`. @default nothing */
  readonly data?: unknown;
  /** Sent with the connect command, where the server sees them beside those of the request. @default none */
  readonly headers?: Readonly<Record<string, string>>;
  /** What kind of client this is, for the server's operators. @default "holdfast" */
  readonly name?: string;
  /** Shortest delay before a further attempt to connect, in milliseconds; attempts draw from a growing range. @default 500 */
  readonly minReconnectDelayMs?: number;
  /** Longest delay before a further attempt to connect, in milliseconds. @default 20 s */
  readonly maxReconnectDelayMs?: number;
  /** Told how long the client waits before its next attempt to connect, in milliseconds. @default nobody is */
  readonly onReconnectDelay?: (delayMs: number) => void;
  /** Time for an answer, and for a connection to be there to ask over, in milliseconds. @default 5 s */
  readonly requestTimeoutMs?: number;
  /** Most publications that wait to be acknowledged, of all channels; further ones are refused. `null` lifts the bound. @default 1,000 */
  readonly maxQueuedPublications?: number | null;
  /** Time for a publication to be acknowledged, waiting offline included, in milliseconds. `null` lifts the bound. @default 2 min */
  readonly publishTimeoutMs?: number | null;
  /** Largest message to the server, in bytes; a server ends connections that send larger ones than it takes. @default 64 KiB */
  readonly maxMessageBytes?: number;
  /** The class of WebSockets. @default the platform's; in Node.js, that of `holdfast/websocket` */
  readonly webSocket?: WebSocketClass;
  /** What listeners throw, and failures the client goes on from, end here. @default those of listeners are thrown where nobody catches them */
  readonly onError?: OnError;
}

/** Any class with the interface of browsers' WebSockets. */
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

/** Longer delays overflow the platform's timers. */
const mostMs = 2 ** 31 - 1;

/** @throws HF_OPTION_INVALID naming the option, what came and what is accepted */
export function resolveClientOptions(options: ClientOptions): ResolvedOptions {
  refuseUnknownOptions(options, clientOptionNames);
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const resolved: ResolvedOptions = { ...defaultClientOptions, ...given };
  checkNumber(resolved, "minReconnectDelayMs", 1, mostMs);
  checkNumber(resolved, "maxReconnectDelayMs", 1, mostMs);
  checkNumber(resolved, "requestTimeoutMs", 1, mostMs);
  checkNumber(resolved, "publishTimeoutMs", 1, mostMs, "null");
  checkNumber(resolved, "maxQueuedPublications", 1, Number.MAX_SAFE_INTEGER, "null");
  checkNumber(resolved, "maxMessageBytes", 256, Number.MAX_SAFE_INTEGER);
  const { minReconnectDelayMs, maxReconnectDelayMs, token, headers, webSocket } = resolved;
  if (minReconnectDelayMs > maxReconnectDelayMs)
    throw refuse("minReconnectDelayMs", "at most maxReconnectDelayMs", minReconnectDelayMs);
  if (token !== undefined && typeof token !== "string" && typeof token !== "function")
    throw refuse("token", "a text or a function", token);
  if (headers !== undefined && !isTexts(headers)) throw refuse("headers", "an object of texts", headers);
  if (typeof resolved.name !== "string") throw refuse("name", "a text", resolved.name);
  if (typeof resolved.onError !== "function") throw refuse("onError", "a function", resolved.onError);
  const { onReconnectDelay } = resolved;
  if (onReconnectDelay !== undefined && typeof onReconnectDelay !== "function")
    throw refuse("onReconnectDelay", "a function", onReconnectDelay);
  if (webSocket !== undefined && typeof webSocket !== "function")
    throw refuse("webSocket", "a class with the interface of browsers' WebSockets", webSocket);
  return Object.freeze(resolved);
}

function checkNumber(
  options: ResolvedOptions,
  name: keyof ResolvedOptions,
  least: number,
  most: number,
  other?: "null",
): void {
  const value = options[name];
  if (other === "null" && value === null) return;
  if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return;
  throw refuse(name, `an integer from ${least} to ${most}${other ? ` or ${other}` : ""}`, value);
}

function isTexts(value: unknown): boolean {
  return (
    typeof value === "object" &&
    value !== null &&
    Object.values(value).every((each) => typeof each === "string")
  );
}

function refuse(option: string, accepted: string, value: unknown): HoldfastError {
  const came = typeof value === "function" ? "a function" : JSON.stringify(value);
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}, but is ${came}`, {
    details: { option },
  });
}
