/**
 * Expands messages of permessage-deflate (RFC 7692 §7.2.2), never beyond a bound. Without context takeover there is one
 * decompressor for all connections, and none of them keeps anything.
 */
import { CloseCode } from "../close-code.js";
import { type Fault, protocolError } from "../frame.js";
import { ZlibStream } from "./zlib-stream.js";

/** RFC 7692 §7.2.2, step 1: what the sender has left out, an empty block. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** The same, then an empty block that is the last one, and a byte behind it. */
const tailAndEnd = Buffer.from([...tail, 0x01, 0x00, 0x00, 0xff, 0xff, 0x00]);
/** Two empty blocks. */
const probe = Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00, 0x00, 0xff, 0xff]);
/** How often one message may end its DEFLATE data (BFINAL) and go on: each time costs a new zlib state. */
const maxEnds = 16;

const truncated = protocolError("a compressed message is cut off");

export class Decompressor {
  readonly #isShared: boolean;
  readonly #windowBits: number;
  #stream: ZlibStream;

  private constructor(windowBits: number, isShared: boolean) {
    this.#windowBits = windowBits;
    this.#isShared = isShared;
    this.#stream = new ZlibStream("inflate", { windowBits });
  }

  /** The one for all connections whose peers do not take over their context. */
  static shared(): Decompressor {
    sharedOne ??= new Decompressor(15, true);
    return sharedOne;
  }

  /** One for a connection whose peer takes over its context, to be closed with it. */
  static own(windowBits: number): Decompressor {
    return new Decompressor(windowBits, false);
  }

  /**
   * Expands a whole message.
   * @returns the payload, or 1009 when it has more than `maxBytes`, found out before more than one byte over it is there,
   * or 1002 when it is no DEFLATE data or cut off
   */
  expand(compressed: Uint8Array, maxBytes: number): Buffer | Fault {
    if (this.#isShared) this.#stream.reset();
    const input = Buffer.concat([compressed, this.#isShared ? tailAndEnd : tail]);
    const { output, fault, unread } = this.#stream.write(input, maxBytes);
    if (output === undefined) return faultOf(fault, maxBytes);
    if (unread > 1) return this.#expandBeyondEnd(input, output, unread, maxBytes);
    return this.#isComplete(unread) ? output : truncated;
  }

  close(): void {
    if (!this.#isShared) this.#stream.close();
  }

  /**
   * Whether the data ended with a block, as it must. Where the state may end, the end that was put behind it is read as
   * such, and one byte is left. A state that goes on is given empty blocks, which would yield output or an error anywhere
   * but between blocks.
   */
  #isComplete(unread: number): boolean {
    if (this.#isShared) return unread === 1;
    return unread === 0 && this.#stream.write(probe, 0).output?.length === 0;
  }

  /**
   * RFC 7692 §7.2.3.4: a block may say that it is the last one (BFINAL) and yet others follow. They may refer to what
   * came before, so a new state is given the window.
   */
  #expandBeyondEnd(input: Buffer, first: Buffer, firstUnread: number, maxBytes: number): Buffer | Fault {
    const appendedBytes = this.#isShared ? tailAndEnd.length : tail.length;
    const pieces = [first];
    let total = first.length;
    let unread = firstUnread;
    for (let ends = 1; unread > 1; ends++) {
      if (ends > maxEnds) return protocolError(`a compressed message ends more than ${maxEnds} times`);
      this.#replace(this.#createWithWindow(Buffer.concat(pieces, total)));
      // Some senders leave out nothing after their last block, so that nothing but what was put there is left.
      if (unread === appendedBytes) break;
      const result = this.#stream.write(input.subarray(input.length - unread), maxBytes - total);
      if (result.output === undefined) return faultOf(result.fault, maxBytes);
      pieces.push(result.output);
      total += result.output.length;
      unread = result.unread;
      if (unread <= 1 && !this.#isComplete(unread)) return truncated;
    }
    if (this.#isShared) this.#replace(new ZlibStream("inflate", { windowBits: this.#windowBits }));
    return Buffer.concat(pieces, total);
  }

  #createWithWindow(history: Buffer): ZlibStream {
    const dictionary = history.subarray(-(2 ** this.#windowBits));
    return new ZlibStream("inflate", {
      windowBits: this.#windowBits,
      ...(dictionary.length > 0 && { dictionary }),
    });
  }

  #replace(next: ZlibStream): void {
    this.#stream.close();
    this.#stream = next;
  }
}

let sharedOne: Decompressor | undefined;

function faultOf(fault: "too big" | "invalid" | undefined, maxBytes: number): Fault {
  if (fault !== "too big") return protocolError("a compressed message is not valid DEFLATE data");
  return {
    code: CloseCode.messageTooBig,
    reason: `a compressed message expands to more than the limit of ${maxBytes} bytes`,
  };
}
