/**
 * Parses Protobuf messages that clients send, by the field numbers of the protocol. What the parameters may be is decided in
 * command-params.ts. Fields of our own have numbers from 1000 on.
 */
import type { CommandEnvelope, DecodedFrame } from "./codec.js";
import { type JsonObject, readCommand, readConnectParams } from "./command-params.js";
import type { Command, ConnectParams } from "./messages.js";
import type { Payload } from "./payload.js";
import {
  type DecodedMessage,
  type MessageFields,
  messageFields,
  ProtobufFault,
  ProtobufReader,
} from "./protobuf-reader.js";

/** Commands of one frame. */
const maxCommands = 4096;

const recoverFields = {
  recover: [3, "bool"],
  epoch: [6, "string"],
  offset: [7, "uint64"],
} as const;

const connectFields = messageFields({
  token: [1, "string"],
  data: [2, "bytes"],
  subs: [3, { mapOf: messageFields(recoverFields) }],
  name: [4, "string"],
  version: [5, "string"],
  headers: [6, { mapOf: "string" }],
});

const filterFields: MessageFields = messageFields({
  op: [1, "string"],
  key: [2, "string"],
  cmp: [3, "string"],
  val: [4, "string"],
  vals: [5, { listOf: "string" }],
  nodes: [6, { listOf: () => filterFields }],
});

const batchFields = messageFields({
  signature: [1, "string"],
  items: [2, { listOf: () => polledKeyFields }],
});

const polledKeyFields = messageFields({ key: [1, "string"], version: [2, "uint64"] });

const channelFields = { channel: [1, "string"] } as const;

const commandFields = messageFields({
  id: [1, "uint32"],
  connect: [4, connectFields],
  subscribe: [
    5,
    messageFields({
      ...channelFields,
      ...recoverFields,
      token: [2, "string"],
      data: [8, "bytes"],
      positioned: [9, "bool"],
      recoverable: [10, "bool"],
      join_leave: [11, "bool"],
      delta: [12, "string"],
      tf: [13, filterFields],
      flag: [14, "int64"],
      type: [15, "int32"],
      phase: [16, "int32"],
      cursor: [17, "string"],
      limit: [18, "int32"],
      asc: [19, "bool"],
    }),
  ],
  unsubscribe: [6, messageFields(channelFields)],
  publish: [
    7,
    messageFields({
      ...channelFields,
      data: [2, "bytes"],
      type: [3, "int32"],
      key: [4, "string"],
      removed: [5, "bool"],
      idempotency_key: [1000, "string"],
    }),
  ],
  presence: [8, messageFields(channelFields)],
  presence_stats: [9, messageFields(channelFields)],
  history: [
    10,
    messageFields({
      ...channelFields,
      limit: [7, "int32"],
      since: [8, messageFields({ offset: [1, "uint64"], epoch: [2, "string"] })],
      reverse: [9, "bool"],
    }),
  ],
  ping: [11, messageFields({})],
  send: [12, messageFields({ data: [1, "bytes"] })],
  rpc: [13, messageFields({ data: [1, "bytes"], method: [2, "string"] })],
  refresh: [14, messageFields({ token: [1, "string"] })],
  sub_refresh: [
    15,
    messageFields({
      ...channelFields,
      token: [2, "string"],
      type: [3, "int32"],
      track: [4, { listOf: () => batchFields }],
      untrack: [5, { listOf: "string" }],
    }),
  ],
});

const envelopeFields = messageFields({ node: [1, "string"], session: [2, "string"], data: [3, "bytes"] });

/** Each command has its length before it. */
export function parseCommands(bytes: Uint8Array): DecodedFrame {
  const commands: Command[] = [];
  const reader = new ProtobufReader(bytes);
  if (reader.isAtEnd)
    return { commands, fault: "an empty frame: a frame holds commands, each after its length" };
  try {
    while (!reader.isAtEnd) {
      if (commands.length === maxCommands)
        return { commands, fault: `a frame may hold up to ${maxCommands} commands` };
      const message = reader.readDelimited(commandFields);
      const command = readCommand(message, (method, name) => payloadOf(message[method], name));
      if (typeof command === "string") return { commands, fault: command };
      commands.push(command);
    }
  } catch (error) {
    return { commands, fault: faultOf(error) };
  }
  return { commands };
}

/** @returns the parameters, or a sentence that says what is wrong */
export function parseConnect(bytes: Uint8Array): ConnectParams | string {
  let params: DecodedMessage;
  try {
    params = new ProtobufReader(bytes).readMessage(connectFields);
  } catch (error) {
    return faultOf(error);
  }
  return readConnectParams(params, (name) => payloadOf(params, name));
}

/** @returns undefined if the bytes are not an envelope of commands */
export function parseCommandEnvelope(bytes: Uint8Array): CommandEnvelope | undefined {
  try {
    const { node, session, data } = new ProtobufReader(bytes).readMessage(envelopeFields);
    if (node === undefined || session === undefined || data === undefined) return undefined;
    return { node, session, data } as CommandEnvelope;
  } catch (error) {
    faultOf(error);
    return undefined;
  }
}

/** Payloads are bytes already. */
function payloadOf(params: unknown, name: string): Payload | undefined {
  return (params as JsonObject)[name] as Payload | undefined;
}

/** @throws whatever is not a fault of the peer */
function faultOf(error: unknown): string {
  if (!(error instanceof ProtobufFault)) throw error;
  return `invalid Protobuf: ${error.message}`;
}
