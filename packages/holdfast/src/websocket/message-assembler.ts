/**
 * Puts messages together from data frames (RFC 6455 §5.4): order of fragments, bounds, and UTF-8 of text checked as
 * it comes (§8.1).
 */
import { constants, isUtf8 } from "node:buffer";
import { CloseCode } from "./close-code.js";
import type { Decompressor } from "./deflate/decompressor.js";
import { type Fault, type FrameHeader, Opcode, protocolError } from "./frame.js";
import { MessageBuffer } from "./message-buffer.js";
import type { ConnectionLimits } from "./options.js";
import { Utf8Validator } from "./utf8.js";

export type MessageEvent =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "binary"; readonly data: Uint8Array };

type PushResult = MessageEvent | (Fault & { readonly type: "fault" }) | undefined;

const invalidText = {
  type: "fault",
  code: CloseCode.invalidPayload,
  reason: "a text message is not valid UTF-8",
} as const;

/** What it costs to begin a decompression, in bytes of its output. */
const expansionCost = 1024;

export class MessageAssembler {
  readonly #limits: ConnectionLimits;
  readonly #decompressor: Decompressor | undefined;
  /** Text or binary while a message is under way. */
  #kind: typeof Opcode.text | typeof Opcode.binary | undefined;
  #isCompressed = false;
  #fragments = 0;
  /** Both are there only while a message comes in pieces. */
  #buffer: MessageBuffer | undefined;
  #validator: Utf8Validator | undefined;
  #expansion = 0;

  /** @param decompressor where permessage-deflate was negotiated */
  constructor(limits: ConnectionLimits, decompressor: Decompressor | undefined) {
    this.#limits = limits;
    this.#decompressor = decompressor;
  }

  /** Whether a message has begun and not ended. */
  get isMidMessage(): boolean {
    return this.#kind !== undefined;
  }

  /** Checks a frame's header against the message under way, before any of its payload is kept. */
  startFrame({ opcode, isCompressed, payloadBytes }: FrameHeader): Fault | undefined {
    if (opcode === Opcode.continuation) {
      if (this.#kind === undefined)
        return protocolError("a continuation frame comes without a message to continue");
    } else {
      if (this.#kind !== undefined)
        return protocolError("a new message begins before the last one has ended");
      this.#kind = opcode === Opcode.text ? Opcode.text : Opcode.binary;
      this.#isCompressed = isCompressed;
    }
    const { maxMessageBytes, maxCompressedBytes, maxFrameBytes, maxFragments } = this.#limits;
    if (payloadBytes > maxFrameBytes)
      return tooBig(`a frame of ${payloadBytes} bytes is over the limit of ${maxFrameBytes}`);
    if (++this.#fragments > maxFragments)
      return tooBig(`a message comes in more than ${maxFragments} fragments`);
    const total = (this.#buffer?.length ?? 0) + payloadBytes;
    if (total > (this.#isCompressed ? maxCompressedBytes : maxMessageBytes))
      return tooBig(`a message of at least ${total} bytes is over the limit of ${maxMessageBytes}`);
    return undefined;
  }

  push(piece: Uint8Array, isFrameEnd: boolean, isFinal: boolean): PushResult {
    const isMessageEnd = isFrameEnd && isFinal;
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

  /** What decompression has cost since this was asked last, in bytes of its output. */
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

  #finish(bytes: Uint8Array, isChecked: boolean, isCollected: boolean): PushResult {
    const kind = this.#kind;
    const isCompressed = this.#isCompressed;
    this.reset();
    const payload =
      isCompressed && this.#decompressor
        ? this.#decompressor.expand(bytes, this.#limits.maxMessageBytes)
        : bytes;
    if (!(payload instanceof Uint8Array)) return { type: "fault", ...payload };
    if (isCompressed) this.#expansion += expansionCost + payload.length;
    if (kind === Opcode.text && !isChecked && !isUtf8(payload)) return invalidText;
    if (kind === Opcode.text && payload.length > constants.MAX_STRING_LENGTH)
      return { type: "fault", ...tooBig(`a text of ${payload.length} bytes is more than a string can hold`) };
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
