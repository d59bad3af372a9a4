/**
 * Compression of messages (permessage-deflate, RFC 7692 §7.2). Without context takeover one compressor and one decompressor
 * serve all connections, and none of them keeps anything. What is agreed on is extensions.ts; zlib is zlib-stream.ts.
 */
import { CloseCode } from "./close.js";
import { type Fault, protocolError } from "./frame.js";
import type { DeflateSettings } from "./options.js";
import { canKeepContext, joined, ZlibStream } from "./zlib-stream.js";

/** What a sync flush ends with; left out of the message (RFC 7692 §7.2.1, step 3). */
const tailBytes = 4;

/** Compresses messages (RFC 7692 §7.2.1). */
export class Compressor {
  /** Whether every message stands by itself, so that its compressed form serves all connections of this compressor. */
  readonly isShared: boolean;
  readonly #stream: ZlibStream;
  readonly #thresholdBytes: number;

  private constructor(settings: DeflateSettings, windowBits: number, isShared: boolean) {
    this.isShared = isShared;
    this.#thresholdBytes = settings.thresholdBytes;
    // zlib has no raw window of 8 bits. With 9 its matches reach 250 bytes back at most (512 less the 262 that it looks
    // ahead), which a receiver with a window of 256 can follow.
    this.#stream = new ZlibStream("deflate", {
      level: settings.level,
      memLevel: settings.memLevel,
      windowBits: Math.max(9, windowBits),
    });
  }

  /** The compressor of all connections without context takeover that agreed on this window. */
  static shared(settings: DeflateSettings, windowBits: number): Compressor {
    let ofSettings = sharedCompressors.get(settings);
    if (ofSettings === undefined) {
      ofSettings = new Map();
      sharedCompressors.set(settings, ofSettings);
    }
    let compressor = ofSettings.get(windowBits);
    if (compressor === undefined) {
      compressor = new Compressor(settings, windowBits, true);
      ofSettings.set(windowBits, compressor);
    }
    return compressor;
  }

  /** A compressor for one connection with context takeover, to be closed with it. */
  static own(settings: DeflateSettings, windowBits: number): Compressor {
    return new Compressor(settings, windowBits, false);
  }

  /** @returns undefined when the message should be sent uncompressed: RFC 7692 §6 lets a sender choose for each */
  compress(payload: Uint8Array): Buffer | undefined {
    if (payload.length < this.#thresholdBytes || payload.length === 0) return undefined;
    if (this.isShared) this.#stream.reset();
    const { output } = this.#stream.write(payload, Number.MAX_SAFE_INTEGER);
    const compressed = output?.subarray(0, output.length - tailBytes);
    // With context takeover the window has moved on, so the peer's must do so too.
    if (compressed !== undefined && this.isShared && compressed.length >= payload.length) return undefined;
    return compressed;
  }

  close(): void {
    if (!this.isShared) this.#stream.close();
  }
}

/** Few: a server has one set of settings, and there are eight windows. */
const sharedCompressors = new WeakMap<DeflateSettings, Map<number, Compressor>>();

/** RFC 7692 §7.2.2, step 1: what the sender has left out, an empty block. */
const tail = Buffer.from([0x00, 0x00, 0xff, 0xff]);
/** An empty block that is the last one, and a byte behind it. */
const end = Buffer.from([0x01, 0x00, 0x00, 0xff, 0xff, 0x00]);
/** Empty blocks, more than the code tables of a block can take (RFC 1951 §3.2.7: 320 lengths of at most 14 bits). */
const probe = Buffer.alloc(600, Buffer.from([0x00, 0x00, 0x00, 0xff, 0xff]));
const noBytes = new Uint8Array(0);
/** How often one message may end its DEFLATE data (BFINAL) and go on: each time costs a copy of the window. */
const maxEnds = 16;

const truncated = protocolError("a compressed message is truncated");

/** Expands messages (RFC 7692 §7.2.2), never beyond a bound. */
export class Decompressor {
  readonly #windowBits: number;
  /** What messages before may be referred to; undefined where none may. */
  readonly #history: DeflateHistory | undefined;
  #stream: ZlibStream;

  private constructor(windowBits: number, history: DeflateHistory | undefined) {
    this.#windowBits = windowBits;
    this.#history = history;
    this.#stream = this.#createStream(noBytes);
  }

  /** The decompressor of all connections whose peers do not take over their context. */
  static shared(): Decompressor {
    sharedDecompressor ??= new Decompressor(15, undefined);
    return sharedDecompressor;
  }

  /** A decompressor for one connection whose peer takes over its context, to be closed with it. */
  static own(windowBits: number): Decompressor {
    return new Decompressor(windowBits, new DeflateHistory(2 ** windowBits));
  }

  /**
   * Expands a whole message.
   * @returns the payload, or 1009 when it has more than `maxBytes`, found out before more than one byte over it is there,
   * or 1002 when it is not DEFLATE data or is cut off
   */
  expand(compressed: Uint8Array, maxBytes: number): Buffer | Fault {
    // What another connection has expanded must not show.
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
      // RFC 7692 §7.2.3.4: blocks may follow one marked as last (BFINAL). They may refer to what
      // came before.
      this.#restart([...(this.#history?.messages ?? []), ...pieces]);
      // Some senders keep the end of their last block, so that only the tail is left.
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
    // Without a lasting state, all of it is read once more.
    const result = canKeepContext()
      ? this.#stream.write(end, 0)
      : this.#stream.write(Buffer.concat([input, end]), output.length);
    const expectedBytes = canKeepContext() ? 0 : output.length;
    return result.output?.length === expectedBytes && (result.unread === 1 || result.unread === end.length);
  }

  /** Begins anew, with a window. */
  #restart(before: readonly Uint8Array[]): void {
    const window = before.length === 0 ? noBytes : Buffer.concat(before).subarray(-(2 ** this.#windowBits));
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

let sharedDecompressor: Decompressor | undefined;

function faultOf(fault: "too big" | "invalid" | undefined, maxBytes: number): Fault {
  if (fault !== "too big") return protocolError("a compressed message is not valid DEFLATE data");
  return {
    code: CloseCode.messageTooBig,
    reason: `a compressed message expands beyond the limit of ${maxBytes} bytes`,
  };
}

/**
 * The last messages of a connection whose peer takes over its context, as far back as its window reaches. zlib keeps a
 * window of its own; this one is for the rare peer that ends its DEFLATE data and goes on.
 */
export class DeflateHistory {
  readonly #windowBytes: number;
  #messages: Uint8Array[] = [];
  #bytes = 0;

  constructor(windowBytes: number) {
    this.#windowBytes = windowBytes;
  }

  /** Oldest first. */
  get messages(): readonly Uint8Array[] {
    return this.#messages;
  }

  push(message: Uint8Array): void {
    if (message.length === 0) return;
    if (message.length >= this.#windowBytes) {
      // Not the message itself, which may be large.
      this.#messages = [Buffer.from(message.subarray(-this.#windowBytes))];
      this.#bytes = this.#windowBytes;
      return;
    }
    this.#messages.push(message);
    this.#bytes += message.length;
    // Looked at now and then, so that many small messages cost little each.
    if (this.#bytes > 2 * this.#windowBytes || this.#messages.length > 2 * maxMessages) this.#trim();
  }

  #trim(): void {
    const joined = Buffer.concat(this.#messages).subarray(-this.#windowBytes);
    this.#messages = [Buffer.from(joined)];
    this.#bytes = joined.length;
  }
}

/** Each costs more than its bytes when it is small. */
const maxMessages = 256;
