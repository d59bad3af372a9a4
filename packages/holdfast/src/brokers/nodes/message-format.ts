/**
 * Messages between nodes as bytes, and large ones in parts. A message is an object of plain data, which may hold byte arrays:
 * one byte of the format's version, four of the header's length (big endian), the header as JSON, and then the byte arrays.
 * Readers skip fields that they do not know. The version changes only when older nodes could misread a message.
 */

/** What every message has. Other fields depend on the kind. */
export interface NodeMessage {
  readonly kind: string;
  /** Id of the node that sent it. */
  readonly from: string;
  readonly [field: string]: unknown;
}

/** Why bytes are not a message that this node can read, as a sentence without a full stop. */
export interface MessageFault {
  readonly fault: string;
}

const version = 1;
const prefixBytes = 5;
/** Stands for a byte array: `[start, length]`, counted from the end of the header. */
const bytesField = "$bytes";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodeMessage(message: NodeMessage): Uint8Array {
  const parts: Uint8Array[] = [];
  let partBytes = 0;
  const json = JSON.stringify(message, function (this: Record<string, unknown>, key, value: unknown) {
    // The value itself: some byte arrays have a `toJSON`.
    const original = this[key];
    if (original instanceof Uint8Array) {
      parts.push(original);
      partBytes += original.length;
      return { [bytesField]: [partBytes - original.length, original.length] };
    }
    return hasDollar(value) ? mapNames(value, (name) => (name.startsWith("$") ? `$${name}` : name)) : value;
  });
  const header = encoder.encode(json);
  const bytes = new Uint8Array(prefixBytes + header.length + partBytes);
  bytes[0] = version;
  new DataView(bytes.buffer).setUint32(1, header.length);
  bytes.set(header, prefixBytes);
  let at = prefixBytes + header.length;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

export function decodeMessage(bytes: Uint8Array): NodeMessage | MessageFault {
  if (bytes.length < prefixBytes) return { fault: "a message between nodes is too short" };
  if (bytes[0] !== version)
    return {
      fault: `a node sends messages of format ${bytes[0]}, which this version cannot read (it reads format ${version})`,
    };
  const bodyAt = prefixBytes + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
  if (bodyAt > bytes.length) return { fault: "a message between nodes is truncated" };
  try {
    const header = decoder.decode(bytes.subarray(prefixBytes, bodyAt));
    const body = bytes.subarray(bodyAt);
    // Visiting every value takes four times as long as parsing.
    const visit = header.includes('"$') ? (_name: string, value: unknown) => revive(value, body) : undefined;
    const message: unknown = JSON.parse(header, visit);
    if (isMessage(message)) return message;
  } catch {
    // Not JSON.
  }
  return { fault: "a message between nodes is malformed" };
}

export function isFault(message: NodeMessage | MessageFault): message is MessageFault {
  return "fault" in message && !("kind" in message);
}

function isMessage(value: unknown): value is NodeMessage {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const { kind, from } = value as Record<string, unknown>;
  return typeof kind === "string" && typeof from === "string";
}

function revive(value: unknown, body: Uint8Array): unknown {
  if (!hasDollar(value)) return value;
  const span = value[bytesField];
  if (span === undefined) return mapNames(value, (name) => (name.startsWith("$$") ? name.slice(1) : name));
  const [start, length] = span as [number, number];
  if (!(start >= 0 && length >= 0 && start + length <= body.length)) throw new Error("outside the message");
  // A copy, since the message's own bytes may be a part of something larger. `slice` of a `Buffer` makes none.
  return new Uint8Array(body.subarray(start, start + length));
}

/** Members whose names begin with a dollar sign get another one, so that none is mistaken for a byte array. */
function hasDollar(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.keys(value).some((name) => name.startsWith("$"))
  );
}

function mapNames(value: object, rename: (name: string) => string): object {
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [rename(name), member]));
}

/** Largest piece that is sent at once, without its header. */
export const maxPartBytes = 256 * 1024;
export const maxMessageBytes = 64 * 1024 * 1024;

/** The messages that carry a message which is too large for one. */
export function* splitMessage(bytes: Uint8Array, id: number, from: string): Iterable<NodeMessage> {
  const count = Math.ceil(bytes.length / maxPartBytes);
  for (let index = 0; index < count; index++) {
    const part = bytes.subarray(index * maxPartBytes, (index + 1) * maxPartBytes);
    yield { kind: "part", from, id, index, count, part };
  }
}

interface Partial {
  readonly parts: Uint8Array[];
  bytes: number;
}

/**
 * Puts messages together from their parts, which come in order unless some are lost: then the message is lost, too. Of each sender the
 * newest message is kept, of all together no more than the largest message takes.
 */
export class MessageParts {
  readonly #partials = new Map<string, Partial & { readonly id: unknown }>();
  #bytes = 0;

  /** Bytes of incomplete messages. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns the bytes of the message once it is complete */
  add({ from, id, index, count, part }: NodeMessage): Uint8Array | undefined {
    if (!(part instanceof Uint8Array) || typeof count !== "number") return undefined;
    if (index === 0) {
      this.drop(from);
      this.#partials.set(from, { id, parts: [], bytes: 0 });
    }
    const partial = this.#partials.get(from);
    if (partial === undefined || partial.id !== id || partial.parts.length !== index) return undefined;
    partial.parts.push(part);
    partial.bytes += part.length;
    this.#bytes += part.length;
    if (partial.parts.length === count) {
      this.drop(from);
      return joinBytes(partial);
    }
    for (const sender of this.#partials.keys()) {
      if (this.#bytes <= maxMessageBytes) break;
      this.drop(sender);
    }
    return undefined;
  }

  /** Forgets what a node has begun to send. */
  drop(from: string): void {
    this.#bytes -= this.#partials.get(from)?.bytes ?? 0;
    this.#partials.delete(from);
  }
}

function joinBytes({ parts, bytes }: Partial): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
