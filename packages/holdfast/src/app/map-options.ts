/** Channels of kind `map`: options, and what they come to for sessions and brokers. */
import type { KeyRetention } from "../channels/broker.js";
import type { MapRules } from "../channels/rules.js";
import { HoldfastError, refuseUnknownOptions } from "../errors.js";
import { type Refusal, refusal } from "../sessions/application.js";
import type { Payload } from "../wire/payload.js";
import { type Duration, durationAdvice, parseDuration } from "./duration.js";

/** @typeParam Data what is published, as subscribers get it */
export interface MapOptions<Data = unknown> {
  /** Keys of clients' publications: theirs to choose, or the id of their connection or of their user. @default "any" */
  readonly keys?: "any" | "client" | "user";
  /** How long a key stays after it was last published. @default for good */
  readonly ttl?: Duration;
  /** Publications of further keys are refused. @default 10,000 */
  readonly maxKeys?: number;
  /** Of those, how many one user may have set once half of them are taken, an address where there is no user. @default a tenth */
  readonly maxUserKeys?: number;
  /** Most bytes of all values, each counted with some 200 more. @default 8 MiB */
  readonly maxBytes?: number;
  /** What keys are ordered by, the highest first: a number made of the data, or the name of its field. @default the key */
  readonly score?: string | ((data: Data) => number);
  /**
   * Makes the map a list of who is subscribed to another channel, kept by the server: that one's pattern, with the same
   * parameters. `score` and `keys` are not for these, and nobody may publish in them.
   */
  readonly subscribersOf?: string;
  /**
   * Of such a list: an entry for each connection, which goes with it, or one for each user, which stays for `ttl` after
   * the last connection has gone. @default "client"
   */
  readonly by?: "client" | "user";
}

const optionNames: readonly (keyof MapOptions)[] = [
  "keys",
  "ttl",
  "maxKeys",
  "maxUserKeys",
  "maxBytes",
  "score",
  "subscribersOf",
  "by",
];

const defaultBounds = { maxKeys: 10_000, maxBytes: 8 * 1024 * 1024 };

export interface CompiledMap {
  readonly rules: MapRules;
  readonly keys: KeyRetention;
}

/**
 * @param leaseMs how long an entry of a list of who is there outlives a server that has died, at least
 * @throws HF_OPTION_INVALID naming the option, what came and what is accepted
 */
export function compileMap(name: string, options: MapOptions, leaseMs: number): CompiledMap {
  if (typeof options !== "object" || options === null) throw refuse(name, "an object of options");
  refuseUnknownOptions(options, optionNames, name);
  const { keys = "any", score, subscribersOf, by } = options;
  if (!["any", "client", "user"].includes(keys)) throw refuse(`${name}.keys`, '"any", "client" or "user"');
  if (score !== undefined && typeof score !== "function" && (typeof score !== "string" || score === ""))
    throw refuse(`${name}.score`, "a function, or the name of a field");
  if (subscribersOf === undefined) {
    if (by !== undefined) throw refuse(`${name}.by`, "left out where there is no subscribersOf");
    return {
      rules: { keysOf: keys, isOrdered: score !== undefined },
      keys: toBounds(name, options, parseTtl(name, options.ttl)),
    };
  }
  if (typeof subscribersOf !== "string") throw refuse(`${name}.subscribersOf`, "a pattern of channels");
  if (by !== undefined && by !== "client" && by !== "user") throw refuse(`${name}.by`, '"client" or "user"');
  for (const other of ["keys", "score"] as const)
    if (options[other] !== undefined)
      throw refuse(`${name}.${other}`, "left out of a list of subscribers, which the server keeps");
  const ttlMs = Math.max(leaseMs, parseTtl(name, options.ttl) ?? 0);
  return { rules: { type: by === "user" ? "users" : "clients" }, keys: toBounds(name, options, ttlMs) };
}

function toBounds(name: string, options: MapOptions, ttlMs: number | undefined): KeyRetention {
  const { maxKeys = defaultBounds.maxKeys, maxBytes = defaultBounds.maxBytes } = options;
  const ofUser = options.maxUserKeys === undefined ? {} : { maxUserKeys: options.maxUserKeys };
  for (const [option, value] of Object.entries({ maxKeys, maxBytes, ...ofUser }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw refuse(`${name}.${option}`, "an integer of at least 1");
  return { maxKeys, maxBytes, ...ofUser, ...(ttlMs !== undefined && { ttlMs }) };
}

function parseTtl(name: string, ttl: Duration | undefined): number | undefined {
  if (ttl === undefined) return undefined;
  const ms = parseDuration(ttl);
  if (ms === undefined || ms === 0) throw refuse(`${name}.ttl`, durationAdvice);
  return ms;
}

/**
 * What a publication is ordered by.
 * @returns a refusal where the data has no such field, or it is no number
 * @throws TypeError where the application's function gives no number
 */
export function scoreOf(
  score: NonNullable<MapOptions["score"]>,
  text: Payload,
  channel: string,
): number | Refusal {
  const data: unknown = JSON.parse(text);
  if (typeof score === "function") {
    const value: unknown = score(data);
    if (Number.isFinite(value)) return value as number;
    throw new TypeError(`the score of ${channel} gave ${String(value)}, which is no finite number`);
  }
  const value = (data as Readonly<Record<string, unknown>> | null)?.[score];
  if (typeof value === "number") return value;
  return refusal("badRequest", `data.${score} must be a number: this channel is ordered by it`);
}

function refuse(option: string, accepted: string): HoldfastError {
  return new HoldfastError("HF_OPTION_INVALID", `${option} must be ${accepted}`, { details: { option } });
}
