/**
 * Puts messages together from data frames (RFC 6455 §5.4): order of fragments, bounds, and UTF-8 of text checked as
 * it comes (§8.1).
 */
import { isUtf8 } from "node:buffer";
import { CloseCode } from "./close-code.js";
import { type Fault, Opcode, protocolError } from "./frame.js";
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

export class MessageAssembler {
  readonly #limits: ConnectionLimits;
  readonly #buffer = new MessageBuffer();
  readonly #validator = new Utf8Validator();
  /** Text or binary while a message is under way. */
  #kind: typeof Opcode.text | typeof Opcode.binary | undefined;
  #fragments = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  /** Checks a frame's header against the message under way, before any of its payload is kept. */
  startFrame(opcode: Opcode, payloadBytes: number): Fault | undefined {
    const { maxMessageBytes, maxFragments } = this.#limits;
    if (opcode === Opcode.continuation) {
      if (this.#kind === undefined)
        return protocolError("a continuation frame comes without a message to continue");
    } else {
      if (this.#kind !== undefined)
        return protocolError("a new message begins before the last one has ended");
      this.#kind = opcode === Opcode.text ? Opcode.text : Opcode.binary;
    }
    if (++this.#fragments > maxFragments)
      return {
        code: CloseCode.messageTooBig,
        reason: `a message comes in more than ${maxFragments} fragments`,
      };
    if (this.#buffer.length + payloadBytes > maxMessageBytes)
      return {
        code: CloseCode.messageTooBig,
        reason: `a message of at least ${this.#buffer.length + payloadBytes} bytes is over the limit of ${maxMessageBytes}`,
      };
    return undefined;
  }

  push(piece: Uint8Array, isFrameEnd: boolean, isFinal: boolean): PushResult {
    const isMessageEnd = isFrameEnd && isFinal;
    // The usual case, a whole message in one piece, is neither copied nor checked in steps.
    if (isMessageEnd && this.#fragments === 1 && this.#buffer.length === 0) return this.#finishWhole(piece);
    if (this.#kind === Opcode.text && !this.#validator.push(piece)) return invalidText;
    this.#buffer.append(piece);
    if (!isMessageEnd) return undefined;
    if (this.#kind === Opcode.text && !this.#validator.isComplete) return invalidText;
    const event = toEvent(this.#kind, this.#buffer.take());
    this.reset();
    return event;
  }

  reset(): void {
    if (this.#buffer.length > 0) this.#buffer.take();
    this.#validator.reset();
    this.#kind = undefined;
    this.#fragments = 0;
  }

  #finishWhole(piece: Uint8Array): PushResult {
    const kind = this.#kind;
    this.#kind = undefined;
    this.#fragments = 0;
    if (kind === Opcode.text && !isUtf8(piece)) return invalidText;
    return toEvent(kind, piece);
  }
}

function toEvent(kind: Opcode | undefined, bytes: Uint8Array): MessageEvent {
  if (kind !== Opcode.text) return { type: "binary", data: bytes };
  const { buffer, byteOffset, length } = bytes;
  return { type: "text", text: Buffer.from(buffer, byteOffset, length).toString("utf8") };
}
