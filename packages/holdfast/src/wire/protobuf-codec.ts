/**
 * The Protobuf codec: a frame is messages of bytes, each after its length, with the field numbers of the protocol. Payloads are
 * embedded as bytes, text in UTF-8. Fields of our own have numbers from 1000 on. Encoded by hand: a publication is encoded once for
 * all its subscribers, and the server needs no other package for it.
 */
import type { Codec, CommandEnvelope, DecodedFrame, Encoded, Encoder } from "./codec.js";
import {
  type ClientInfo,
  type ConnectParams,
  type ConnectResult,
  type MapResult,
  type Publication,
  type Push,
  type Reply,
  type SubscribeResult,
  toPublishedFields,
} from "./messages.js";
import { isBinary, type Payload } from "./payload.js";
import { parseCommandEnvelope, parseCommands, parseConnect } from "./protobuf-commands.js";
import { ProtobufWriter } from "./protobuf-writer.js";

/** Shared by all calls: each finishes it before it returns. */
const writer = new ProtobufWriter();

const emptyMessage = Uint8Array.of(0);

/** Messages have their length before them. */
function joinMessages(messages: readonly Encoded[]): Uint8Array {
  if (messages.length === 1) return messages[0] as Uint8Array;
  const parts = messages as readonly Uint8Array[];
  const joined = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function encode(write: () => void): Uint8Array {
  try {
    writer.delimited(write);
  } catch (error) {
    writer.finish();
    throw error;
  }
  return writer.finish();
}

const oneWay: Encoder = Object.freeze({
  name: "protobuf one-way",
  encodePush: (push: Push) => encode(() => writePush(push)),
  encodePing: () => emptyMessage,
  join: joinMessages,
});

export const protobufCodec: Codec = Object.freeze({
  name: "protobuf",
  subprotocol: "centrifuge-protobuf",
  contentType: "application/octet-stream",
  isBinary: true,

  decode(frame: Encoded): DecodedFrame {
    if (typeof frame === "string")
      return { commands: [], fault: "Protobuf commands must come in binary frames" };
    return parseCommands(frame);
  },

  decodeConnect(params: Encoded): ConnectParams | string {
    return typeof params === "string" ? "connect parameters must be Protobuf" : parseConnect(params);
  },

  decodeEnvelope(body: Encoded): CommandEnvelope | undefined {
    return typeof body === "string" ? undefined : parseCommandEnvelope(body);
  },

  encodeReply(reply: Reply): Uint8Array {
    return encode(() => {
      writer.number(1, reply.id);
      if ("error" in reply) {
        const { code, message, isTemporary } = reply.error;
        writer.message(2, () => {
          writer.number(1, code);
          writer.string(2, message);
          writer.flag(3, isTemporary);
        });
      } else writer.message(replyFields[reply.method], () => writeResult(reply));
    });
  },

  encodePush(push: Push): Uint8Array {
    return encode(() => writer.message(4, () => writePush(push)));
  },

  encodePing(): Uint8Array {
    return emptyMessage;
  },

  join: joinMessages,

  oneWay,
});

type Result = Exclude<Reply, { error: unknown }>;

const replyFields: Readonly<Record<Result["method"], number>> = {
  connect: 5,
  subscribe: 6,
  unsubscribe: 7,
  publish: 8,
  presence: 9,
  presence_stats: 10,
  history: 11,
  rpc: 13,
  refresh: 14,
  sub_refresh: 15,
};

function writeResult(reply: Result): void {
  switch (reply.method) {
    case "connect":
      writeConnectResult(reply.result);
      return;
    case "subscribe":
      writeSubscribeResult(reply.result);
      return;
    case "unsubscribe":
      return;
    case "publish":
      if (reply.result !== undefined) writePublished(toPublishedFields(reply.result));
      return;
    case "rpc":
      writePayload(1, reply.result);
      return;
    case "presence":
      for (const info of reply.result)
        writer.message(1, () => {
          writer.string(1, info.client);
          writer.message(2, () => writeInfo(info));
        });
      return;
    case "presence_stats":
      writer.number(1, reply.result.numClients);
      writer.number(2, reply.result.numUsers);
      return;
    case "refresh": {
      const { client, version, ttl } = reply.result;
      writer.string(1, client);
      writer.string(2, version);
      writeExpiry(3, 4, ttl);
      return;
    }
    case "sub_refresh":
      writeExpiry(1, 2, reply.result.ttl);
      for (const item of reply.result.items ?? []) writer.message(3, () => writePublication(item));
      return;
    case "history": {
      const { publications, position } = reply.result;
      for (const publication of publications)
        writer.message(1, () => writePublication(publication, undefined, true));
      writer.string(2, position.epoch);
      writer.number(3, position.offset);
    }
  }
}

/** The protocol's result has no fields. */
function writePublished(fields: ReturnType<typeof toPublishedFields>): void {
  writer.string(1000, fields.epoch);
  writer.number(1001, fields.offset);
  writer.flag(1002, fields.is_duplicate);
  writer.flag(1003, fields.suppressed);
  writer.string(1004, fields.suppress_reason);
}

function writeConnectResult(result: ConnectResult): void {
  writer.string(1, result.client);
  writer.string(2, result.version);
  writeExpiry(3, 4, result.ttl);
  writePayload(5, result.data);
  writeSubs(6, result);
  writer.number(7, result.ping);
  writer.flag(8, result.pong);
  writer.string(9, result.session);
  writer.string(10, result.node);
}

/** The same fields as of the connect result, under other numbers. */
function writeConnectPush(result: ConnectResult): void {
  writer.string(1, result.client);
  writer.string(2, result.version);
  writePayload(3, result.data);
  writeSubs(4, result);
  writeExpiry(5, 6, result.ttl);
  writer.number(7, result.ping);
  writer.flag(8, result.pong);
  writer.string(9, result.session);
  writer.string(10, result.node);
}

function writeSubs(field: number, { subs }: ConnectResult): void {
  for (const [channel, sub] of subs ?? [])
    writer.message(field, () => {
      writer.string(1, channel);
      writer.message(2, () => writeSubscribeResult(sub));
    });
}

function writeExpiry(expiresField: number, ttlField: number, ttl: number | undefined): void {
  writer.flag(expiresField, ttl !== undefined);
  writer.number(ttlField, ttl ?? 0);
}

function writeSubscribeResult(result: SubscribeResult): void {
  const { position, publications, map } = result;
  writeExpiry(1, 2, result.ttl);
  writer.flag(3, result.recoverable);
  writer.string(6, position.epoch);
  if (publications.length > 0) writer.raw(encodePublications(publications));
  writer.flag(8, result.recovered);
  writer.number(9, position.offset);
  writer.flag(10, result.positioned);
  writePayload(11, result.data);
  writer.flag(12, result.wasRecovering);
  writer.flag(13, result.isDelta);
  if (map) writeMapResult(map);
  if (result.isPoll) writer.number(15, 4);
  writer.number(19, result.publishDebounceMs ?? 0);
}

/** SDKs expect type 1 for every map, and phase 0, which is left out, once it is live. */
function writeMapResult({ phase, state, cursor }: MapResult): void {
  writer.number(15, 1);
  if (phase !== "live") writer.number(16, phase === "state" ? 2 : 1);
  writer.string(17, cursor);
  for (const publication of state) writer.message(18, () => writePublication(publication));
}

/** Clients that resume from the same position share one list, and so its bytes as fields of the result. */
const encodedLists = new WeakMap<readonly Publication[], Uint8Array>();
const listWriter = new ProtobufWriter();

function encodePublications(publications: readonly Publication[]): Uint8Array {
  let bytes = encodedLists.get(publications);
  if (bytes === undefined) {
    for (const publication of publications)
      listWriter.message(7, () => writePublication(publication, undefined, false, listWriter));
    bytes = listWriter.finish();
    encodedLists.set(publications, bytes);
  }
  return bytes;
}

function writePush(push: Push): void {
  if ("channel" in push) writer.string(2, push.channel);
  switch (push.kind) {
    case "pub":
      writer.message(4, () => writePublication(push.publication, push.epoch));
      return;
    case "join":
    case "leave":
      writer.message(push.kind === "join" ? 5 : 6, () => writer.message(1, () => writeInfo(push.info)));
      return;
    case "unsubscribe":
      writer.message(7, () => {
        writer.number(2, push.code);
        writer.string(3, push.reason);
      });
      return;
    case "message":
      writer.message(8, () => writePayload(1, push.data));
      return;
    case "subscribe":
      writer.message(9, () => writeSubscribePush(push));
      return;
    case "connect":
      writer.message(10, () => writeConnectPush(push.result));
      return;
    case "disconnect":
      writer.message(11, () => {
        writer.number(1, push.code);
        writer.string(2, push.reason);
      });
  }
}

function writeSubscribePush(push: Extract<Push, { kind: "subscribe" }>): void {
  const { position } = push;
  writer.flag(1, push.recoverable);
  writer.string(4, position.epoch);
  writer.number(5, position.offset);
  writer.flag(6, push.positioned);
  writePayload(7, push.data);
}

/** @param epoch added to the first publication of an epoch, for clients that do not know it yet */
function writePublication(publication: Publication, epoch?: string, hasTime = false, to = writer): void {
  const { data, info, offset, tags, time, key, delta, isRemoved, score, shownVersion } = publication;
  if (!isRemoved) writePayload(4, data, to);
  if (info) to.message(5, () => writeInfo(info, to));
  to.number(6, offset);
  for (const [name, value] of Object.entries(tags ?? {}))
    to.message(7, () => {
      to.string(1, name);
      to.string(2, value);
    });
  to.flag(8, delta === "patch");
  if (hasTime) to.number(9, time);
  to.string(11, key);
  to.flag(12, isRemoved);
  if (score !== undefined) to.zigzag(13, score);
  if (offset === 1) to.string(14, epoch);
  to.number(16, shownVersion ?? 0);
}

function writeInfo(info: ClientInfo, to = writer): void {
  to.string(1, info.user);
  to.string(2, info.client);
  to.string(3, info.connInfo);
  to.string(4, info.chanInfo);
}

/** Text is encoded here, and bytes are copied. */
function writePayload(field: number, payload: Payload | undefined, to = writer): void {
  if (payload === undefined) return;
  if (isBinary(payload)) to.bytes(field, payload);
  else to.string(field, payload);
}
