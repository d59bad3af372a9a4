/**
 * Reads Protobuf messages into objects by tables of their fields (https://protobuf.dev/programming-guides/encoding). Fields that a
 * table does not have are skipped. Bounded in nesting and in elements of lists and maps; a message cannot hold more than its bytes.
 */

type Scalar = "string" | "bytes" | "bool" | "uint32" | "int32" | "uint64" | "int64";

/** What a field holds: a scalar, a message, or several. A function stands for a message that contains itself. */
type Single = Scalar | MessageFields | (() => MessageFields);
export type FieldType = Single | { readonly listOf: Single } | { readonly mapOf: "string" | MessageFields };

interface Field {
  readonly name: string;
  readonly type: Single;
  readonly many?: "list" | "map";
}

/** By field number. */
export type MessageFields = ReadonlyMap<number, Field>;

/** Fields that the bytes do not have are missing. */
export type DecodedMessage = Record<string, unknown>;

/** @param fields number and type of each field, by its name. Keys of maps are strings. */
export function messageFields(fields: Readonly<Record<string, readonly [number, FieldType]>>): MessageFields {
  return new Map(Object.entries(fields).map(([name, [number, type]]) => [number, toField(name, type)]));
}

function toField(name: string, type: FieldType): Field {
  if (typeof type === "object" && "listOf" in type) return { name, type: type.listOf, many: "list" };
  if (typeof type === "object" && "mapOf" in type)
    return { name, type: entryFields(type.mapOf), many: "map" };
  return { name, type };
}

/** An entry of a map is a message. */
function entryFields(value: "string" | MessageFields): MessageFields {
  return messageFields({ key: [1, "string"], value: [2, value] });
}

/** Why bytes are no message: a sentence without a full stop. */
export class ProtobufFault extends Error {}

/** Levels of messages in messages: more than a filter may have, within a command. */
const maxDepth = 16;

/** Of all repeated fields and maps together. */
const maxElements = 4096;

/** Up to this many bytes, ASCII is read faster here than by a decoder. */
const maxShortBytes = 64;

const varintType = 0;
const fixed64Type = 1;
const lengthType = 2;
const fixed32Type = 5;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class ProtobufReader {
  readonly #bytes: Uint8Array;
  #at = 0;
  #end: number;
  #elements = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#end = bytes.length;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  /**
   * Reads a message with its length before it.
   * @throws ProtobufFault
   */
  readDelimited(fields: MessageFields): DecodedMessage {
    return this.#readNested(fields, {}, 1);
  }

  /**
   * Reads all bytes as one message.
   * @throws ProtobufFault
   */
  readMessage(fields: MessageFields): DecodedMessage {
    return this.#readFields(fields, {}, 1);
  }

  /** @param into the message so far: a field that comes twice is merged, as the encoding wants it */
  #readNested(fields: MessageFields, into: DecodedMessage, depth: number): DecodedMessage {
    if (depth > maxDepth) throw new ProtobufFault(`a message is nested deeper than ${maxDepth} levels`);
    const end = this.#readEnd();
    const outerEnd = this.#end;
    this.#end = end;
    this.#readFields(fields, into, depth);
    this.#end = outerEnd;
    return into;
  }

  #readFields(fields: MessageFields, into: DecodedMessage, depth: number): DecodedMessage {
    while (this.#at < this.#end) {
      const tag = this.#readVarint();
      const number = Math.floor(tag / 8);
      if (number < 1 || tag > 0xffff_ffff) throw new ProtobufFault(`${number} is no field number`);
      const wireType = tag & 7;
      const field = fields.get(number);
      if (field === undefined || wireType !== wireTypeOf(field)) this.#skip(wireType);
      else this.#readField(field, into, depth);
    }
    return into;
  }

  #readField({ name, type, many }: Field, into: DecodedMessage, depth: number): void {
    const known = into[name];
    if (many === undefined) {
      into[name] = this.#readValue(type, known as DecodedMessage | undefined, depth);
      return;
    }
    this.#countElement();
    const value = this.#readValue(type, undefined, depth);
    if (many === "list") {
      const list = (known ?? []) as unknown[];
      list.push(value);
      into[name] = list;
      return;
    }
    // Keys are the client's: without a prototype, all of them are properties like others.
    const map = (known ?? Object.create(null)) as DecodedMessage;
    const { key = "", value: held } = value as DecodedMessage;
    map[key as string] = held ?? (isTextMap(type as MessageFields) ? "" : {});
    into[name] = map;
  }

  #readValue(type: Single, known: DecodedMessage | undefined, depth: number): unknown {
    if (typeof type === "string") return this.#readScalar(type);
    return this.#readNested(typeof type === "function" ? type() : type, known ?? {}, depth + 1);
  }

  #countElement(): void {
    if (++this.#elements > maxElements)
      throw new ProtobufFault(`lists and maps have more than ${maxElements} elements`);
  }

  #readScalar(type: Scalar): unknown {
    switch (type) {
      case "string":
        return this.#readString();
      case "bytes": {
        const end = this.#readEnd();
        // A copy: `slice` of a Buffer is none.
        const bytes = new Uint8Array(this.#bytes.subarray(this.#at, end));
        this.#at = end;
        return bytes;
      }
      case "bool":
        return this.#readVarint() !== 0;
      // Readers take the lower bits of a number that is too large.
      case "uint32":
        return this.#readVarint(true) >>> 0;
      case "int32":
        return this.#readVarint(true) | 0;
      case "uint64":
        return this.#readVarint();
      case "int64":
        return this.#readSigned();
    }
  }

  #readString(): string {
    const end = this.#readEnd();
    const start = this.#at;
    this.#at = end;
    const text = end - start <= maxShortBytes ? this.#readShort(start, end) : undefined;
    if (text !== undefined) return text;
    try {
      return utf8.decode(this.#bytes.subarray(start, end));
    } catch {
      throw new ProtobufFault("a string is not UTF-8");
    }
  }

  /** @returns undefined unless all characters are ASCII */
  #readShort(start: number, end: number): string | undefined {
    let text = "";
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at] as number;
      if (byte > 0x7f) return undefined;
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Reads a length. @returns where what has it ends */
  #readEnd(): number {
    const length = this.#readVarint();
    const end = this.#at + length;
    if (end > this.#end)
      throw new ProtobufFault(`${length} bytes are announced, but ${this.#end - this.#at} follow`);
    return end;
  }

  /** @param hasLowBitsOnly for 32-bit values, whose upper bits would cost precision */
  #readVarint(hasLowBitsOnly = false): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count++) {
      const byte = this.#readByte();
      // Above 2^53 a number loses digits, and is refused by whoever checks its range.
      if (!hasLowBitsOnly || count < 5) value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new ProtobufFault("a number has more than 10 bytes");
  }

  #readSigned(): number {
    let low = 0;
    let high = 0;
    for (let count = 0; count < 10; count++) {
      const byte = this.#readByte();
      const bits = byte & 0x7f;
      if (count < 4) low += bits * 2 ** (7 * count);
      else high += bits * 2 ** (7 * (count - 4));
      if (byte < 0x80) return toSigned(low, high);
    }
    throw new ProtobufFault("a number has more than 10 bytes");
  }

  #readByte(): number {
    if (this.#at >= this.#end) throw new ProtobufFault("a number is cut off");
    return this.#bytes[this.#at++] as number;
  }

  #skip(wireType: number): void {
    if (wireType === varintType) this.#readVarint();
    else if (wireType === fixed64Type) this.#advance(8);
    else if (wireType === lengthType) this.#at = this.#readEnd();
    else if (wireType === fixed32Type) this.#advance(4);
    else throw new ProtobufFault(`wire type ${wireType} is not supported`);
  }

  #advance(bytes: number): void {
    if (this.#at + bytes > this.#end) throw new ProtobufFault("a field is cut off");
    this.#at += bytes;
  }
}

function isTextMap(entry: MessageFields): boolean {
  return entry.get(2)?.type === "string";
}

function wireTypeOf({ type }: Field): number {
  return typeof type === "string" && type !== "string" && type !== "bytes" ? varintType : lengthType;
}

/** 28 lower bits and the bits above, as a two's complement number of 64 bits; beyond 2^53 it loses digits. */
function toSigned(low: number, high: number): number {
  const upper = high % 2 ** 36;
  return (upper >= 2 ** 35 ? upper - 2 ** 36 : upper) * 2 ** 28 + low;
}
