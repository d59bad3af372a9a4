/**
 * The JSON codec: a frame is one or more JSON objects, separated by single line feeds. Payloads are embedded as JSON text.
 * Fields that are zero, empty or false are omitted, except those that SDKs dereference.
 */
import type { Codec, CommandEnvelope, DecodedFrame, Encoded, Encoder } from "./codec.js";
import { parseCommand, parseConnectParams, parseEnvelope } from "./command-params.js";
import {
  type ClientInfo,
  type Command,
  type ConnectParams,
  type ConnectResult,
  type MapResult,
  type Publication,
  type Push,
  type Reply,
  type SubRefreshResult,
  type SubscribeResult,
  toPublishedFields,
} from "./messages.js";
import { findDepthFault, type Payload, payloadText } from "./payload.js";

const maxEchoedCharacters = 40;

function joinLines(messages: readonly Encoded[]): string {
  return messages.length === 1 ? (messages[0] as string) : messages.join("\n");
}

const oneWay: Encoder = Object.freeze({
  name: "json one-way",
  encodePush: (push: Push) => `{${encodePushFields(push)}}`,
  encodePing: () => "{}",
  join: joinLines,
});

export const jsonCodec: Codec = Object.freeze({
  name: "json",
  subprotocol: "centrifuge-json",
  contentType: "application/json",
  isBinary: false,

  decode(frame: Encoded): DecodedFrame {
    const text = typeof frame === "string" ? frame : decodeUtf8(frame);
    if (text === undefined) return { commands: [], fault: "JSON commands must be UTF-8" };
    const commands: Command[] = [];
    // One line feed at the end is allowed.
    const lines = text.endsWith("\n") ? text.slice(0, -1) : text;
    for (const line of lines.split("\n")) {
      const command = decodeLine(line);
      if (typeof command === "string") return { commands, fault: command };
      commands.push(command);
    }
    return { commands };
  },

  encodeReply(reply: Reply): string {
    if ("error" in reply) {
      const { code, message, isTemporary } = reply.error;
      const temporary = isTemporary ? ',"temporary":true' : "";
      return `{"id":${reply.id},"error":{"code":${code},"message":${JSON.stringify(message)}${temporary}}}`;
    }
    return `{"id":${reply.id},"${reply.method}":${encodeResult(reply)}}`;
  },

  decodeConnect(params: Encoded): ConnectParams | string {
    const text = typeof params === "string" ? params : decodeUtf8(params);
    return text === undefined ? "connect parameters must be UTF-8" : parseConnectParams(text);
  },

  decodeEnvelope(body: Encoded): CommandEnvelope | undefined {
    const text = typeof body === "string" ? body : decodeUtf8(body);
    return text === undefined ? undefined : parseEnvelope(text);
  },

  encodePush(push: Push): string {
    return `{"push":{${encodePushFields(push)}}}`;
  },

  encodePing(): string {
    return "{}";
  },

  join: joinLines,

  oneWay,
});

/** Some clients send text in binary frames. As in a text frame, a byte order mark is not part of JSON (RFC 8259 §8.1). */
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    return undefined;
  }
}

function decodeLine(line: string): Command | string {
  if (line.trim() === "") return "an empty line: a frame holds JSON objects separated by single line feeds";
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return `invalid JSON: ${JSON.stringify(line.slice(0, maxEchoedCharacters))}`;
  }
  return findDepthFault(line, value) ?? parseCommand(value, line);
}

function encodeResult(reply: Exclude<Reply, { error: unknown }>): string {
  switch (reply.method) {
    case "connect":
      return encodeConnectResult(reply.result);
    case "subscribe":
      return encodeSubscribeResult(reply.result);
    case "unsubscribe":
      return "{}";
    case "publish":
      return reply.result === undefined ? "{}" : JSON.stringify(toPublishedFields(reply.result));
    case "rpc":
      return `{"data":${payloadText(reply.result)}}`;
    case "presence": {
      const entries = reply.result.map((info) => `${JSON.stringify(info.client)}:${encodeInfo(info)}`);
      return `{"presence":{${entries.join(",")}}}`;
    }
    case "presence_stats":
      return `{"num_clients":${reply.result.numClients},"num_users":${reply.result.numUsers}}`;
    case "refresh": {
      const { client, version, ttl } = reply.result;
      return `{"client":${JSON.stringify(client)},"version":${JSON.stringify(version)}${encodeExpiry(ttl)}}`;
    }
    case "sub_refresh":
      return encodeSubRefreshResult(reply.result);
    case "history": {
      const { publications, position } = reply.result;
      const list = publications
        .map((publication) => encodePublication(publication, undefined, true))
        .join(",");
      return `{"publications":[${list}],"epoch":${JSON.stringify(position.epoch)},"offset":${position.offset}}`;
    }
  }
}

function encodeConnectResult(result: ConnectResult): string {
  const { client, version, ping, pong, ttl, data, subs, session, node } = result;
  let fields = `"client":${JSON.stringify(client)},"version":${JSON.stringify(version)}${encodeExpiry(ttl)}`;
  if (data !== undefined) fields += `,"data":${payloadText(data)}`;
  if (subs && subs.size > 0) {
    const entries = [...subs].map(([name, sub]) => `${JSON.stringify(name)}:${encodeSubscribeResult(sub)}`);
    fields += `,"subs":{${entries.join(",")}}`;
  }
  if (ping > 0) fields += `,"ping":${ping}`;
  if (pong) fields += ',"pong":true';
  if (session !== undefined) fields += `,"session":${JSON.stringify(session)}`;
  if (node !== undefined) fields += `,"node":${JSON.stringify(node)}`;
  return `{${fields}}`;
}

function encodeExpiry(ttl: number | undefined): string {
  return ttl === undefined ? "" : `,"expires":true,"ttl":${ttl}`;
}

function encodeSubscribeResult(result: SubscribeResult): string {
  const { position, publications } = result;
  let fields = encodeExpiry(result.ttl);
  if (result.recoverable) fields += ',"recoverable":true';
  if (result.positioned) fields += ',"positioned":true';
  if (position.epoch !== "") fields += `,"epoch":${JSON.stringify(position.epoch)}`;
  if (position.offset > 0) fields += `,"offset":${position.offset}`;
  if (publications.length > 0) fields += `,"publications":[${encodePublications(publications)}]`;
  if (result.recovered) fields += ',"recovered":true';
  if (result.wasRecovering) fields += ',"was_recovering":true';
  if (result.data !== undefined) fields += `,"data":${payloadText(result.data)}`;
  if (result.isDelta) fields += ',"delta":true';
  if (result.publishDebounceMs) fields += `,"publish_debounce":${result.publishDebounceMs}`;
  if (result.map) fields += encodeMapResult(result.map);
  if (result.isPoll) fields += ',"type":4';
  return `{${fields.slice(1)}}`;
}

function encodeSubRefreshResult({ ttl, items = [] }: SubRefreshResult): string {
  const list = items.length === 0 ? "" : `,"items":[${encodePublications(items)}]`;
  return `{${(encodeExpiry(ttl) + list).slice(1)}}`;
}

/** SDKs expect type 1 for every map, and no phase once it is live. */
function encodeMapResult({ phase, state, cursor }: MapResult): string {
  let fields = ',"type":1';
  if (phase !== "live") fields += `,"phase":${phase === "state" ? 2 : 1}`;
  if (cursor !== undefined) fields += `,"cursor":${JSON.stringify(cursor)}`;
  if (state.length > 0) fields += `,"state":[${encodePublications(state)}]`;
  return fields;
}

/** Clients that resume from the same position share one list, and so one text. */
const encodedLists = new WeakMap<readonly Publication[], string>();

function encodePublications(publications: readonly Publication[]): string {
  let text = encodedLists.get(publications);
  if (text === undefined) {
    text = publications.map((publication) => encodePublication(publication)).join(",");
    encodedLists.set(publications, text);
  }
  return text;
}

function encodePushFields(push: Push): string {
  if (push.kind === "message") return `"message":{"data":${payloadText(push.data)}}`;
  if (push.kind === "disconnect") return `"disconnect":${encodeEnd(push)}`;
  if (push.kind === "connect") return `"connect":${encodeConnectResult(push.result)}`;
  return `"channel":${JSON.stringify(push.channel)},"${push.kind}":${encodePushBody(push)}`;
}

function encodePushBody(push: Exclude<Push, { kind: "connect" | "message" | "disconnect" }>): string {
  switch (push.kind) {
    case "pub":
      return encodePublication(push.publication, push.epoch);
    case "subscribe":
      return encodeSubscribePush(push);
    case "join":
    case "leave":
      return `{"info":${encodeInfo(push.info)}}`;
    case "unsubscribe":
      return encodeEnd(push);
  }
}

function encodeEnd({ code, reason }: { readonly code: number; readonly reason: string }): string {
  return `{"code":${code},"reason":${JSON.stringify(reason)}}`;
}

/** @param epoch added to the first publication of an epoch, for clients that do not know it yet */
export function encodePublication(publication: Publication, epoch?: string, hasTime = false): string {
  const { data, info, offset, tags, time, key, delta, isRemoved, score, shownVersion } = publication;
  // SDKs before 5.8 parse the data of removals, too, if they get patches.
  let fields = isRemoved && delta === undefined ? '"removed":true' : dataField(data, delta);
  if (isRemoved && delta !== undefined) fields += ',"removed":true';
  if (info) fields += `,"info":${encodeInfo(info)}`;
  if (offset > 0) fields += `,"offset":${offset}`;
  if (tags && Object.keys(tags).length > 0) fields += `,"tags":${JSON.stringify(tags)}`;
  if (delta === "patch") fields += ',"delta":true';
  if (key !== undefined) fields += `,"key":${JSON.stringify(key)}`;
  if (score !== undefined) fields += `,"score":${score}`;
  if (shownVersion !== undefined) fields += `,"version":${shownVersion}`;
  if (hasTime) fields += `,"time":${time}`;
  if (offset === 1 && epoch !== undefined) fields += `,"epoch":${JSON.stringify(epoch)}`;
  return `{${fields}}`;
}

function dataField(data: Payload, delta: Publication["delta"]): string {
  const text = payloadText(data);
  return `"data":${delta === undefined ? text : JSON.stringify(text)}`;
}

export function encodeInfo(info: ClientInfo): string {
  let fields = `"user":${JSON.stringify(info.user)},"client":${JSON.stringify(info.client)}`;
  if (info.connInfo !== undefined) fields += `,"conn_info":${info.connInfo}`;
  if (info.chanInfo !== undefined) fields += `,"chan_info":${info.chanInfo}`;
  return `{${fields}}`;
}

function encodeSubscribePush(push: Extract<Push, { kind: "subscribe" }>): string {
  const { position, data } = push;
  let fields = "";
  if (push.recoverable) fields += ',"recoverable":true';
  if (push.positioned) fields += ',"positioned":true';
  if (position.epoch !== "") fields += `,"epoch":${JSON.stringify(position.epoch)}`;
  if (position.offset > 0) fields += `,"offset":${position.offset}`;
  if (data !== undefined) fields += `,"data":${payloadText(data)}`;
  return `{${fields.slice(1)}}`;
}
