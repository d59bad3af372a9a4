/**
 * Messages (RFC 6455 §5.4 and §5.6). Incoming ones are put together from data frames: order of fragments, bounds, and text
 * checked as UTF-8 while it comes (§8.1). Outgoing ones are framed and compressed once for any number of connections.
 */
import { constants, isUtf8 } from "node:buffer";
import { defaultsOf, pickOptions, resolveOptions } from "../options/option.js";
import { connectionEntries } from "../options/websocket.js";
import type { ConnectionOptions } from "../options/websocket-options.js";
import type { Compressor, Decompressor } from "./deflate.js";
import { CloseCode, encodeFrame, type Fault, type FrameHeader, Opcode, protocolError } from "./frame.js";

/** Text, or bytes. */
export type MessageData = string | Uint8Array;

/**
 * A message encoded once for any number of connections: framed once, and compressed once for all that agreed on the same
 * window. Bytes that are sent must not be changed afterwards.
 */
export class PreparedMessage {
  readonly opcode: typeof Opcode.text | typeof Opcode.binary;
  readonly payload: Uint8Array;
  #plain: Buffer | undefined;
  #compressed: Map<Compressor, Buffer> | undefined;

  constructor(data: MessageData) {
    this.opcode = typeof data === "string" ? Opcode.text : Opcode.binary;
    this.payload = typeof data === "string" ? Buffer.from(data) : data;
  }

  /** The frame as a server sends it, the same bytes for all with the same compressor. */
  frameFor(compressor: Compressor | undefined): Buffer {
    if (compressor === undefined) return this.#plainFrame();
    if (!compressor.isShared) return this.#compressedFrame(compressor) ?? this.#plainFrame();
    this.#compressed ??= new Map();
    let frame = this.#compressed.get(compressor);
    if (frame === undefined) {
      frame = this.#compressedFrame(compressor) ?? this.#plainFrame();
      this.#compressed.set(compressor, frame);
    }
    return frame;
  }

  #plainFrame(): Buffer {
    this.#plain ??= encodeFrame(this.opcode, this.payload);
    return this.#plain;
  }

  #compressedFrame(compressor: Compressor): Buffer | undefined {
    const compressed = compressor.compress(this.payload);
    return compressed && encodeFrame(this.opcode, compressed, true, undefined, true);
  }
}

/** A whole message of the peer. */
export type MessageEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary"; readonly data: Uint8Array };

const invalidText: Fault = { code: CloseCode.invalidPayload, reason: "a text message is not valid UTF-8" };

/** The resolved limits of a connection's incoming messages. */
export interface MessageLimits {
  readonly maxMessageBytes: number;
  /** Largest compressed form of a message: data that does not shrink may grow by an eighth. */
  readonly maxCompressedBytes: number;
  readonly maxFrameBytes: number;
  readonly maxFragments: number;
}

const { maxMessageBytes, maxFragments } = defaultsOf(connectionEntries);
/** Defaults of connections. Everything is bounded; a larger limit lets one peer hold that much more memory. */
export const defaultMessageLimits = Object.freeze({ maxMessageBytes, maxFragments });

/** Connections of a server share one options object, and with it one object of limits. */
const resolved = new WeakMap<ConnectionOptions, MessageLimits>();

/** @throws HF_OPTION_INVALID when a bound is not a positive integer */
export function resolveMessageLimits(options: ConnectionOptions): MessageLimits {
  let limits = resolved.get(options);
  if (limits === undefined) {
    limits = deriveLimits(options);
    resolved.set(options, limits);
  }
  return limits;
}

function deriveLimits(options: ConnectionOptions): MessageLimits {
  const { maxMessageBytes, maxFrameBytes, maxFragments } = resolveOptions(
    connectionEntries,
    pickOptions(connectionEntries, options),
  );
  const maxCompressedBytes = maxMessageBytes + Math.ceil(maxMessageBytes / 8) + 64;
  return {
    maxMessageBytes,
    maxFragments,
    maxCompressedBytes,
    maxFrameBytes: maxFrameBytes ?? maxCompressedBytes,
  };
}

/** What it costs to begin a decompression, in bytes of its output. */
const expansionCost = 1024;

/** Puts the messages of one connection together from its data frames (RFC 6455 §5.4). */
export class MessageAssembler {
  readonly #limits: MessageLimits;
  readonly #decompressor: Decompressor | undefined;
  /** Text or binary while a message is coming. */
  #kind: typeof Opcode.text | typeof Opcode.binary | undefined;
  #isCompressed = false;
  #fragments = 0;
  /** Both exist only while a message comes in pieces. */
  #buffer: MessageBuffer | undefined;
  #validator: Utf8Validator | undefined;
  #expansion = 0;

  /** @param decompressor where permessage-deflate was negotiated */
  constructor(limits: MessageLimits, decompressor: Decompressor | undefined) {
    this.#limits = limits;
    this.#decompressor = decompressor;
  }

  /** Whether a message has begun and not ended. */
  get isMidMessage(): boolean {
    return this.#kind !== undefined;
  }

  /** Checks a frame's header against the message it belongs to, before any of its payload is kept. */
  startFrame({ opcode, isCompressed, payloadBytes }: FrameHeader): Fault | undefined {
    if (opcode === Opcode.continuation) {
      if (this.#kind === undefined) return protocolError("a continuation frame has no message to continue");
    } else {
      if (this.#kind !== undefined)
        return protocolError("a new message starts before the previous one ended");
      this.#kind = opcode === Opcode.text ? Opcode.text : Opcode.binary;
      this.#isCompressed = isCompressed;
    }
    const { maxMessageBytes, maxCompressedBytes, maxFrameBytes, maxFragments } = this.#limits;
    if (payloadBytes > maxFrameBytes)
      return tooBig(`a frame of ${payloadBytes} bytes exceeds the limit of ${maxFrameBytes}`);
    if (++this.#fragments > maxFragments) return tooBig(`a message has more than ${maxFragments} fragments`);
    const total = (this.#buffer?.length ?? 0) + payloadBytes;
    if (total > (this.#isCompressed ? maxCompressedBytes : maxMessageBytes))
      return tooBig(`a message of at least ${total} bytes exceeds the limit of ${maxMessageBytes}`);
    return undefined;
  }

  /**
   * Takes a piece of the payload of the frame that was started.
   * @returns the message where it ends with this piece, or a fault
   */
  push(piece: Uint8Array, isMessageEnd: boolean): MessageEvent | Fault | undefined {
    // The usual case, a whole message in one piece, is neither copied nor checked in steps.
    if (isMessageEnd && this.#fragments === 1 && this.#buffer === undefined)
      return this.#finish(piece, false, false);
    const isCheckedHere = this.#kind === Opcode.text && !this.#isCompressed;
    if (isCheckedHere) {
      this.#validator ??= new Utf8Validator();
      if (!this.#validator.push(piece)) return invalidText;
    }
    this.#buffer ??= new MessageBuffer();
    this.#buffer.append(piece);
    if (!isMessageEnd) return undefined;
    if (isCheckedHere && this.#validator?.isComplete === false) return invalidText;
    return this.#finish(this.#buffer.take(), isCheckedHere, true);
  }

  /** What decompression has cost since the last call, in bytes of its output. */
  takeExpansion(): number {
    const expansion = this.#expansion;
    this.#expansion = 0;
    return expansion;
  }

  reset(): void {
    this.#kind = undefined;
    this.#isCompressed = false;
    this.#fragments = 0;
    this.#buffer = undefined;
    this.#validator = undefined;
  }

  #finish(bytes: Uint8Array, isChecked: boolean, isCollected: boolean): MessageEvent | Fault {
    const kind = this.#kind;
    const isCompressed = this.#isCompressed;
    this.reset();
    const payload =
      isCompressed && this.#decompressor
        ? this.#decompressor.expand(bytes, this.#limits.maxMessageBytes)
        : bytes;
    if (!(payload instanceof Uint8Array)) return payload;
    if (isCompressed) this.#expansion += expansionCost + payload.length;
    if (kind === Opcode.text && !isChecked && !isUtf8(payload)) return invalidText;
    if (kind === Opcode.text && payload.length > constants.MAX_STRING_LENGTH)
      return tooBig(`a text of ${payload.length} bytes is too long for a string`);
    return toEvent(kind, payload, isCollected && !isCompressed);
  }
}

function tooBig(reason: string): Fault {
  return { code: CloseCode.messageTooBig, reason };
}

/** @param isOwn whether nothing else uses the memory behind the bytes, so that it may be kept and transferred */
function toEvent(kind: Opcode | undefined, bytes: Uint8Array, isOwn: boolean): MessageEvent {
  if (kind !== Opcode.text) return { type: "binary", data: isOwn ? bytes : new Uint8Array(bytes) };
  const { buffer, byteOffset, length } = bytes;
  return { type: "text", text: Buffer.from(buffer, byteOffset, length).toString("utf8") };
}

const firstCapacity = 256;

/**
 * Collects the payload of a message that arrives in pieces. Grows with what has arrived, never with what a header
 * promises, and copies, so that a peer that sends single bytes costs no more than their number.
 */
export class MessageBuffer {
  #bytes: Buffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    const needed = this.#length + piece.length;
    if (this.#bytes === undefined || this.#bytes.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.max(firstCapacity, needed, 2 * (this.#bytes?.length ?? 0)));
      if (this.#bytes) grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = needed;
  }

  /** Hands over what was collected, and starts afresh. */
  take(): Buffer {
    const bytes = this.#bytes?.subarray(0, this.#length) ?? Buffer.alloc(0);
    this.#bytes = undefined;
    this.#length = 0;
    return bytes;
  }
}

/** Validates one text message, given in any number of pieces. */
export class Utf8Validator {
  /** Continuation bytes the current character still needs. */
  #needed = 0;
  /** Range that the next continuation byte must lie in; narrower than 80–BF after E0, ED, F0 and F4. */
  #low = 0x80;
  #high = 0xbf;

  /** Whether the text so far ends at a character boundary. */
  get isComplete(): boolean {
    return this.#needed === 0;
  }

  /**
   * Takes the next piece.
   * @returns false as soon as no valid text can begin with the bytes seen; the validator is of no use after that
   */
  push(bytes: Uint8Array): boolean {
    let index = 0;
    while (this.#needed > 0 && index < bytes.length) {
      if (!this.#step(bytes[index++] as number)) return false;
    }
    const tail = Math.max(index, incompleteTail(bytes));
    // The bulk, up to the last character boundary, goes through the native check.
    if (tail > index && !isUtf8(bytes.subarray(index, tail))) return false;
    for (let i = tail; i < bytes.length; i++) if (!this.#step(bytes[i] as number)) return false;
    return true;
  }

  reset(): void {
    this.#needed = 0;
    this.#low = 0x80;
    this.#high = 0xbf;
  }

  /** RFC 3629 §4, table of well-formed sequences. */
  #step(byte: number): boolean {
    if (this.#needed > 0) {
      if (byte < this.#low || byte > this.#high) return false;
      this.#needed--;
      this.#low = 0x80;
      this.#high = 0xbf;
      return true;
    }
    if (byte < 0x80) return true;
    if (byte < 0xc2 || byte > 0xf4) return false;
    this.#needed = byte < 0xe0 ? 1 : byte < 0xf0 ? 2 : 3;
    if (byte === 0xe0) this.#low = 0xa0;
    else if (byte === 0xf0) this.#low = 0x90;
    else if (byte === 0xed) this.#high = 0x9f;
    else if (byte === 0xf4) this.#high = 0x8f;
    return true;
  }
}

/** Index at which a character begins that these bytes cut off; the length where they end at a boundary. */
function incompleteTail(bytes: Uint8Array): number {
  const from = Math.max(0, bytes.length - 3);
  for (let i = bytes.length - 1; i >= from; i--) {
    const byte = bytes[i] as number;
    if (byte < 0x80) return bytes.length;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return i + length > bytes.length ? i : bytes.length;
    }
  }
  return bytes.length;
}
