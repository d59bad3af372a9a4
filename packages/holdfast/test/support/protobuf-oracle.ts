/** Messages as a Protobuf library reads and writes them, by a schema in a file of its own: no code is shared with the codec. */
import { readFileSync } from "node:fs";
import protobuf from "protobufjs";

const schema = protobuf.parse(readFileSync(new URL("./client-protocol.proto", import.meta.url), "utf8"), {
  keepCase: true,
}).root;

// biome-ignore lint/suspicious/noExplicitAny: any message of the protocol.
export type Fields = Record<string, any>;
export type MessageName = "Command" | "Reply" | "Push" | "ConnectRequest" | "EmulationRequest";

function typeOf(name: MessageName): protobuf.Type {
  return schema.lookupType(`holdfast.test.${name}`);
}

/** @param fields bytes are Uint8Arrays; other fields as in JSON */
export function encodeMessage(name: MessageName, fields: Fields): Uint8Array {
  const type = typeOf(name);
  return Uint8Array.from(type.encode(type.fromObject(fields)).finish());
}

export function encodeDelimited(name: MessageName, ...messages: readonly Fields[]): Uint8Array {
  const type = typeOf(name);
  return Buffer.concat(messages.map((fields) => type.encodeDelimited(type.fromObject(fields)).finish()));
}

/** All messages of a frame, with the fields that are there. Bytes stay Buffers; numbers of 64 bits become numbers. */
export function decodeDelimited(name: MessageName, frame: Uint8Array): readonly Fields[] {
  const type = typeOf(name);
  const reader = protobuf.Reader.create(frame);
  const messages: Fields[] = [];
  while (reader.pos < reader.len)
    messages.push(type.toObject(type.decodeDelimited(reader), { longs: Number }));
  return messages;
}

/** Fields of JSON that are bytes of JSON in Protobuf. */
const payloads = /^(data|conn_info|chan_info)$/;

function withBytes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      payloads.test(name) ? Buffer.from(JSON.stringify(each)) : withBytes(each),
    ]),
  );
}

function withValues(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withValues);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      each instanceof Uint8Array ? JSON.parse(Buffer.from(each).toString() || "null") : withValues(each),
    ]),
  );
}

/**
 * A frame of commands in JSON, as Protobuf.
 * @returns undefined if it cannot be said in Protobuf
 */
export function toProtobufFrame(lines: string): Uint8Array | undefined {
  try {
    return encodeDelimited(
      "Command",
      ...lines.split("\n").map((line) => withBytes(JSON.parse(line)) as Fields),
    );
  } catch {
    return undefined;
  }
}

/** Messages of a Protobuf frame, whose data is JSON, as lines of JSON. */
export function toJsonLines(name: MessageName, frame: Uint8Array): string {
  return decodeDelimited(name, frame)
    .map((message) => JSON.stringify(withValues(message)))
    .join("\n");
}
