/**
 * Expands messages of permessage-deflate (RFC 7692 §7.2.2), never beyond a bound. Without context takeover there is one
 * decompressor for all connections, and none of them keeps anything.
 */
import { CloseCode } from "../close-code.js";
import { type Fault, protocolError } from "../frame.js";
import { DeflateHistory } from "./history.js";
import { canKeepContext, ZlibStream } from "./zlib-stream.js";

/** RFC 7692 §7.2.2, step 1: what the sender has left out, an empty block. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty block that is the last one, and a byte behind it. */
const end = Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff, 0x00]);
/** Empty blocks, more than the code tables of a block can take (RFC 1951 §3.2.7: 320 lengths of at most 14 bits). */
const probe = Buffer.alloc(600, Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]));
const nothing = new Uint8Array(0);
/** How often one message may end its DEFLATE data (BFINAL) and go on: each time costs a copy of the window. */
const maxEnds = 16;

const truncated = protocolError("a compressed message is cut off");

export class Decompressor {
  readonly #windowBits: number;
  /** What messages before may be referred to; undefined where none may. */
  readonly #history: DeflateHistory | undefined;
  #stream: ZlibStream;

  private constructor(windowBits: number, history: DeflateHistory | undefined) {
    this.#windowBits = windowBits;
    this.#history = history;
    this.#stream = this.#createStream(nothing);
  }

  /** The one for all connections whose peers do not take over their context. */
  static shared(): Decompressor {
    sharedOne ??= new Decompressor(15, undefined);
    return sharedOne;
  }

  /** One for a connection whose peer takes over its context, to be closed with it. */
  static own(windowBits: number): Decompressor {
    return new Decompressor(windowBits, new DeflateHistory(2 ** windowBits));
  }

  /**
   * Expands a whole message.
   * @returns the payload, or 1009 when it has more than `maxBytes`, found out before more than one byte over it is there,
   * or 1002 when it is no DEFLATE data or cut off
   */
  expand(compressed: Uint8Array, maxBytes: number): Buffer | Fault {
    // What another connection has expanded must not be seen.
    if (this.#history === undefined) this.#restart([]);
    const payload = this.#expandBlocks(Buffer.concat([compressed, tail]), maxBytes);
    if (payload instanceof Uint8Array) this.#history?.push(payload);
    return payload;
  }

  close(): void {
    if (this.#history !== undefined) this.#stream.close();
  }

  #expandBlocks(whole: Buffer, maxBytes: number): Buffer | Fault {
    const pieces: Buffer[] = [];
    let input = whole;
    for (let ends = 0, total = 0; ends <= maxEnds; ends++) {
      const { output, fault, unread } = this.#stream.write(input, maxBytes - total);
      if (output === undefined) return faultOf(fault, maxBytes);
      pieces.push(output);
      total += output.length;
      if (unread === 0) return this.#isComplete(input, output, pieces) ? joined(pieces, total) : truncated;
      // RFC 7692 §7.2.3.4: a block may say that it is the last one (BFINAL) and yet others follow. They may refer to what
      // came before.
      this.#restart([...(this.#history?.messages ?? []), ...pieces]);
      // Some senders leave out nothing after their last block, so that nothing but the tail is left.
      if (unread === tail.length) return joined(pieces, total);
      input = input.subarray(input.length - unread);
    }
    return protocolError(`a compressed message ends more than ${maxEnds} times`);
  }

  /**
   * Whether the data ended with a block, as it must. Where the state may end, the end of a stream must be readable behind
   * it. A state that goes on is given empty blocks, which would yield output or an error anywhere but between blocks.
   * What is not read at all was put behind the end of the stream: the last block ended with the tail.
   */
  #isComplete(input: Buffer, output: Buffer, pieces: readonly Buffer[]): boolean {
    if (this.#history !== undefined) {
      const result = this.#stream.write(probe, 0);
      if (result.output?.length !== 0) return false;
      if (result.unread === probe.length) this.#restart([...this.#history.messages, ...pieces]);
      return result.unread === 0 || result.unread === probe.length;
    }
    // Where nothing lasts from call to call, all of it is read once more.
    const result = canKeepContext()
      ? this.#stream.write(end, 0)
      : this.#stream.write(Buffer.concat([input, end]), output.length);
    const expectedBytes = canKeepContext() ? 0 : output.length;
    return result.output?.length === expectedBytes && (result.unread === 1 || result.unread === end.length);
  }

  /** Begins anew, with a window. */
  #restart(before: readonly Uint8Array[]): void {
    const window = before.length === 0 ? nothing : Buffer.concat(before).subarray(-(2 ** this.#windowBits));
    if (canKeepContext()) {
      this.#stream.reset();
      // A new state would cost fifty times as much. A stored block brings the window into this one.
      if (window.length > 0) this.#stream.write(storedBlock(window), window.length);
    } else this.#stream = this.#createStream(window);
  }

  #createStream(dictionary: Uint8Array): ZlibStream {
    return new ZlibStream("inflate", {
      windowBits: this.#windowBits,
      ...(dictionary.length > 0 && { dictionary }),
    });
  }
}

/** RFC 1951 §3.2.4. @param bytes at most 65,535 */
function storedBlock(bytes: Uint8Array): Buffer {
  const { length } = bytes;
  const header = Buffer.from([0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff]);
  return Buffer.concat([header, bytes]);
}

function joined(pieces: readonly Buffer[], total: number): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, total);
}

let sharedOne: Decompressor | undefined;

function faultOf(fault: "too big" | "invalid" | undefined, maxBytes: number): Fault {
  if (fault !== "too big") return protocolError("a compressed message is not valid DEFLATE data");
  return {
    code: CloseCode.messageTooBig,
    reason: `a compressed message expands to more than the limit of ${maxBytes} bytes`,
  };
}
