/**
 * Makes commands of decoded objects, whatever codec they come from. Parameters are checked here once, so that the rest of the server
 * can rely on their types; unknown fields are ignored. Payloads keep their original text or bytes.
 */

import type { CommandEnvelope } from "./codec.js";
import type {
  Command,
  ConnectParams,
  MapPhase,
  MapType,
  Method,
  Position,
  PublishParams,
  RecoverParams,
  Request,
  SubRefreshParams,
  SubscribeParams,
} from "./messages.js";
import { findKeyFault } from "./names.js";
import {
  findDepthFault,
  type JsonText,
  nullPayload,
  type Payload,
  parsePayload,
  textAt,
  toJsonPayload,
} from "./payload.js";
import { parseTagsFilter, type TagsFilter } from "./tags-filter.js";

export type JsonObject = Readonly<Record<string, unknown>>;

/** If an object has several methods, the first in this order counts. */
const methods = Object.keys({
  connect: true,
  ping: true,
  subscribe: true,
  unsubscribe: true,
  publish: true,
  presence: true,
  presence_stats: true,
  history: true,
  rpc: true,
  send: true,
  refresh: true,
  sub_refresh: true,
} satisfies Record<Method | "send", true>) as readonly (Method | "send")[];

const maxId = 0xffff_ffff;
/** Server-side subscriptions that one connect command may resume. */
const maxResumedChannels = 512;

/** Thrown within this file for invalid parameters. */
class InvalidField extends Error {}

/** A parameter as the client sent it: its original text, or bytes. */
type PayloadOf = (name: string) => Payload | undefined;

/**
 * @param text what the value was parsed from
 * @returns the command, or a sentence that says what is wrong
 */
export function parseCommand(value: unknown, text: JsonText): Command | string {
  if (!isObject(value)) return "a command must be a JSON object";
  return readCommand(value, (method, name) => textAt(text, [method, name]));
}

/**
 * @param value a command with its parameters, under the names that they have in JSON
 * @param payloadOf gives a parameter of a method as the client sent it
 * @returns the command, or a sentence that says what is wrong
 */
export function readCommand(
  value: JsonObject,
  payloadOf: (method: Method | "send", name: string) => Payload | undefined,
): Command | string {
  const { id = 0 } = value;
  const method = methods.find((name) => value[name] !== undefined && value[name] !== null);
  if (method === "send") return toMessage(value.send, (name) => payloadOf("send", name));
  if (method === undefined) {
    if (id === 0)
      return Object.keys(value).length === 0 || "id" in value ? { method: "pong" } : unknownCommand(value);
    return unknownCommand(value);
  }
  if (!isInteger(id, 1, maxId)) return `the id of a command must be an integer from 1 to ${maxId}`;
  const params = value[method];
  if (!isObject(params)) return { method: "invalid", id, message: `${method} must be an object` };
  try {
    return { id, method, params: readers[method](params, (name) => payloadOf(method, name)) } as Request;
  } catch (error) {
    if (!(error instanceof InvalidField)) throw error;
    return { method: "invalid", id, message: `${method}.${error.message}` };
  }
}

function unknownCommand(value: JsonObject): string {
  const named = Object.keys(value).find((key) => key !== "id");
  return named === undefined
    ? "the command has no method"
    : `unknown command ${JSON.stringify(named.slice(0, 32))}`;
}

const readers: { readonly [M in Method]: (params: JsonObject, payloadOf: PayloadOf) => unknown } = {
  connect: readConnect,
  subscribe: (params, payloadOf) => ({
    channel: readChannel(params),
    ...optional("token", readString(params, "token")),
    ...optional("data", readJson(params, "data", payloadOf)),
    ...readRecover(params),
    positioned: readBoolean(params, "positioned"),
    recoverable: readBoolean(params, "recoverable"),
    joinLeave: readBoolean(params, "join_leave"),
    flag: readInteger(params, "flag", 0) ?? 0,
    ...optional("filter", readFilter(params)),
    // An unknown patch format counts as none: the reply says whether the client gets patches.
    wantsDelta: readString(params, "delta") === "fossil",
    ...readSubscriptionType(params),
  }),
  unsubscribe: (params) => ({ channel: readChannel(params) }),
  publish: readPublish,
  presence: (params) => ({ channel: readChannel(params) }),
  presence_stats: (params) => ({ channel: readChannel(params) }),
  history: (params) => ({
    channel: readChannel(params),
    limit: readInteger(params, "limit", -1) ?? 0,
    ...optional("since", readPosition(params)),
    reverse: readBoolean(params, "reverse"),
  }),
  ping: () => ({}),
  rpc: (params, payloadOf) => ({
    method: readString(params, "method") ?? "",
    ...optional("data", readPayload(params, "data", payloadOf)),
  }),
  refresh: (params) => ({ token: readString(params, "token") ?? "" }),
  sub_refresh: (params) => ({
    channel: readChannel(params),
    token: readString(params, "token") ?? "",
    ...optional("poll", readPoll(params)),
  }),
};

/** The `type` of a `sub_refresh` for keys of a polled channel; 0 is for a token. */
const [trackType, untrackType] = [1, 2];

function readPoll(params: JsonObject): SubRefreshParams["poll"] {
  const type = readInteger(params, "type", 0) ?? 0;
  if (type === 0) return undefined;
  if (type !== trackType && type !== untrackType)
    throw new InvalidField("type must be 0 (a token), 1 (keys to track) or 2 (keys to track no longer)");
  const track = readList(params, "track").map((batch) => {
    if (!isObject(batch)) throw new InvalidField("track must be a list of objects with signature and items");
    const items = readList(batch, "items").map((item) => {
      if (!isObject(item))
        throw new InvalidField("track.items must be a list of objects with key and version");
      return { key: readKey(item, "key") ?? missingKey(), version: readInteger(item, "version", 0) ?? 0 };
    });
    return { signature: readString(batch, "signature") ?? "", items };
  });
  return {
    track,
    untrack: readList(params, "untrack").map((key) => readKey({ key }, "key") ?? missingKey()),
  };
}

function missingKey(): never {
  throw new InvalidField("key is missing: it names a value");
}

function readList(params: JsonObject, name: string): readonly unknown[] {
  const value = params[name] ?? [];
  if (!Array.isArray(value)) throw new InvalidField(`${name} must be a list`);
  return value;
}

function readConnect(params: JsonObject, payloadOf: PayloadOf): ConnectParams {
  return {
    ...optional("token", readString(params, "token")),
    ...optional("data", readJson(params, "data", payloadOf)),
    ...optional("name", readString(params, "name")),
    ...optional("version", readString(params, "version")),
    ...optional("headers", readHeaders(params)),
    ...optional("subs", readSubs(params)),
  };
}

/** A message has no id to answer, so a fault in it ends the connection. */
function toMessage(params: unknown, payloadOf: PayloadOf): Command | string {
  if (!isObject(params)) return "send must be an object";
  return { method: "send", data: readPayload(params, "data", payloadOf) ?? nullPayload };
}

function readPublish(params: JsonObject, payloadOf: PayloadOf): PublishParams {
  const type = readInteger(params, "type", 0) ?? 0;
  return {
    channel: readChannel(params),
    data: readData(params, payloadOf),
    ...optional("key", readKey(params, "key")),
    ...optional("idempotencyKey", readKey(params, "idempotency_key")),
    // Whatever it is: one that is not valid is ignored.
    ...(typeof params.traceparent === "string" && { traceparent: params.traceparent }),
    isForMap: type === mapType,
    ...(type > mapType && { unsupported: `type ${type} is not supported by this server` }),
    ...(readBoolean(params, "removed") && { isRemoved: true }),
  };
}

const mapType = 1;
const pollType = 4;
const mapTypes: readonly (MapType | undefined)[] = [undefined, "keys", "clients", "users"];
const mapPhases: readonly MapPhase[] = ["live", "stream", "state"];

/** These fields change what the command means, so unsupported values are refused rather than ignored. */
function readSubscriptionType(params: JsonObject): Pick<SubscribeParams, "map" | "isPoll" | "unsupported"> {
  const number = readInteger(params, "type", 0) ?? 0;
  if (number === pollType) return { isPoll: true };
  if (number >= mapTypes.length) return { unsupported: `type ${number} is not supported by this server` };
  const type = mapTypes[number];
  if (type === undefined) return {};
  const phase = mapPhases[readInteger(params, "phase", 0) ?? 0];
  if (phase === undefined) throw new InvalidField("phase must be 0 (live), 1 (changes) or 2 (state)");
  const cursor = readString(params, "cursor");
  return {
    map: {
      type,
      phase,
      ...(cursor && { cursor }),
      limit: readInteger(params, "limit", 0) ?? 0,
      isAscending: readBoolean(params, "asc"),
    },
  };
}

/**
 * Parses connect parameters that come without a command.
 * @returns the parameters, or a sentence that says what is wrong
 */
export function parseConnectParams(text: JsonText): ConnectParams | string {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return "connect parameters must be a JSON object";
  }
  if (!isObject(value)) return "connect parameters must be a JSON object";
  return findDepthFault(text, value) ?? readConnectParams(value, (name) => textAt(text, [name]));
}

/** @returns the parameters, or a sentence that says what is wrong */
export function readConnectParams(value: JsonObject, payloadOf: PayloadOf): ConnectParams | string {
  return readOrExplain("connect.", value, payloadOf, readConnect);
}

/** @returns undefined if the text is not an envelope of commands */
export function parseEnvelope(text: JsonText): CommandEnvelope | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { session, node, data } = isObject(value) ? value : {};
  if (typeof session !== "string" || typeof node !== "string" || typeof data !== "string") return undefined;
  // A JSON string can hold half of a surrogate pair, which has no bytes; the commands must escape it again.
  return { session, node, data: data.replace(/\p{Surrogate}/gu, escapeCharacter) };
}

function escapeCharacter(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16)}`;
}

/**
 * Parses the parameters of a publication that comes in an rpc.
 * @returns the parameters, or a sentence that says what is wrong
 */
export function parsePublishParams(text: JsonText): PublishParams | string {
  const value = parsePayload(text);
  return isObject(value)
    ? readOrExplain("", value, (name) => textAt(text, [name]), readPublish)
    : "the parameters must be an object";
}

function readOrExplain<P>(
  prefix: string,
  params: JsonObject,
  payloadOf: PayloadOf,
  read: (params: JsonObject, payloadOf: PayloadOf) => P,
): P | string {
  try {
    return read(params, payloadOf);
  } catch (error) {
    if (!(error instanceof InvalidField)) throw error;
    return prefix + error.message;
  }
}

function readRecover(params: JsonObject): RecoverParams {
  return {
    recover: readBoolean(params, "recover"),
    epoch: readString(params, "epoch") ?? "",
    offset: readInteger(params, "offset", 0) ?? 0,
  };
}

function readSubs({ subs }: JsonObject): ReadonlyMap<string, RecoverParams> | undefined {
  if (subs === undefined || subs === null) return undefined;
  if (!isObject(subs)) throw new InvalidField("subs must be an object of channels");
  const entries = Object.entries(subs);
  if (entries.length > maxResumedChannels)
    throw new InvalidField(`subs may name up to ${maxResumedChannels} channels, not ${entries.length}`);
  return new Map(
    entries.map(([channel, sub]) => {
      if (!isObject(sub))
        throw new InvalidField(`subs[${JSON.stringify(channel.slice(0, 40))}] must be an object`);
      return [channel, readRecover(sub)];
    }),
  );
}

function readHeaders({ headers }: JsonObject): Readonly<Record<string, string>> | undefined {
  if (headers === undefined || headers === null) return undefined;
  if (!isObject(headers)) throw new InvalidField("headers must be an object of strings");
  const entries = Object.entries(headers).map(([name, value]) => {
    if (typeof value !== "string") throw new InvalidField("headers must be an object of strings");
    return [name.toLowerCase(), value] as const;
  });
  return Object.fromEntries(entries);
}

function readFilter({ tf }: JsonObject): TagsFilter | undefined {
  if (tf === undefined || tf === null) return undefined;
  const filter = parseTagsFilter(tf);
  if (typeof filter === "string") throw new InvalidField(filter);
  return filter;
}

function readChannel(params: JsonObject): string {
  return readString(params, "channel") ?? "";
}

function readData(params: JsonObject, payloadOf: PayloadOf): Payload {
  if (params.removed === true) return nullPayload;
  const data = readPayload(params, "data", payloadOf);
  if (data === undefined) throw new InvalidField("data is missing: any JSON value is accepted");
  return data;
}

function readPayload(params: JsonObject, name: string, payloadOf: PayloadOf): Payload | undefined {
  return params[name] === undefined ? undefined : payloadOf(name);
}

/** A payload for hooks that take JSON only. */
function readJson(params: JsonObject, name: string, payloadOf: PayloadOf): JsonText | undefined {
  const payload = readPayload(params, name, payloadOf);
  if (payload === undefined) return undefined;
  const json = toJsonPayload(payload);
  if ("fault" in json) throw new InvalidField(`${name} ${json.fault}`);
  return json.text;
}

function readString(params: JsonObject, name: string): string | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== "string") throw new InvalidField(`${name} must be a string`);
  return value;
}

function readKey(params: JsonObject, name: string): string | undefined {
  const key = readString(params, name);
  const fault = key === undefined ? undefined : findKeyFault(name, key);
  if (fault !== undefined) throw new InvalidField(fault);
  return key;
}

function readBoolean(params: JsonObject, name: string): boolean {
  const value = params[name];
  if (value === undefined || value === null) return false;
  if (typeof value !== "boolean") throw new InvalidField(`${name} must be true or false`);
  return value;
}

function readInteger(params: JsonObject, name: string, min: number): number | undefined {
  const value = params[name];
  if (value === undefined || value === null) return undefined;
  if (!isInteger(value, min, Number.MAX_SAFE_INTEGER))
    throw new InvalidField(`${name} must be an integer from ${min} to ${Number.MAX_SAFE_INTEGER}`);
  return value;
}

function readPosition(params: JsonObject): Position | undefined {
  const since = params.since;
  if (since === undefined || since === null) return undefined;
  if (!isObject(since)) throw new InvalidField("since must be an object with offset and epoch");
  return { offset: readInteger(since, "offset", 0) ?? 0, epoch: readString(since, "epoch") ?? "" };
}

function optional<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]?: V });
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isInteger(value: unknown, min: number, max: number): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= min && value <= max;
}
