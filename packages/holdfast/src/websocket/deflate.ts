/**
 * Compression of messages (permessage-deflate, RFC 7692 §7.2). Without context takeover one compressor and one decompressor
 * serve all connections, and none of them keeps anything. handshake-fields.ts negotiates the parameters; `ZlibStream`, at the
 * end, drives zlib.
 */
import { constants as bufferConstants } from "node:buffer";
import {
  constants,
  createDeflateRaw,
  createInflateRaw,
  deflateRawSync,
  inflateRawSync,
  type ZlibOptions,
} from "node:zlib";
import type { DeflateSettings } from "../options/websocket.js";
import { CloseCode, type Fault, protocolError } from "./frame.js";
import type { DeflateAgreement } from "./handshake-fields.js";

/** permessage-deflate (RFC 7692) on one connection: what the opening handshake agreed on, and how this side compresses. */
export interface Deflate {
  readonly agreement: DeflateAgreement;
  readonly settings: DeflateSettings;
}

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

/*
 * Raw DEFLATE (RFC 1951), synchronous and bounded, on one zlib state that can be used for message after message.
 *
 * The public one-shot functions of node:zlib set up a new state for every call, which takes three times as long as
 * compressing a small message. The state of a stream object can be driven synchronously through its handle, which is
 * not a documented interface; so a trial at the first use decides, and if the handle is not as expected the one-shot
 * functions do the work, without what only a lasting state can do (`canKeepContext`).
 */

export type ZlibKind = "deflate" | "inflate";

/** What became of some input. */
export interface ZlibResult {
  /** The output, in memory of its own; undefined when it would have been over the bound, or the input is not DEFLATE data. */
  readonly output: Buffer | undefined;
  readonly fault: "too big" | "invalid" | undefined;
  /** Bytes of input behind the end of the last block, where the data said that it ends (BFINAL). */
  readonly unread: number;
}

/** The parts of a zlib stream object that are driven here. */
interface Internals {
  _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
    onerror: (message: string, errno: number, code: string) => void;
  };
  /** Room left in the output, and input left, after a call. */
  _writeState: Uint32Array;
  reset(): void;
  close(): void;
}

// Whatever is produced is copied from here, and every call runs to its end before the next begins.
const scratch = Buffer.allocUnsafeSlow(64 * 1024);

/** One zlib state, and a bound on the output of each call. */
export class ZlibStream {
  readonly #kind: ZlibKind;
  readonly #options: ZlibOptions;
  #zlib: Internals | undefined;
  #hasFailed = false;

  constructor(kind: ZlibKind, options: ZlibOptions) {
    this.#kind = kind;
    this.#options = options;
    if (canKeepContext()) this.#zlib = this.#create();
  }

  /** Forgets all input so far. */
  reset(): void {
    if (this.#hasFailed) {
      this.#zlib?.close();
      this.#zlib = this.#create();
      this.#hasFailed = false;
    } else this.#zlib?.reset();
  }

  close(): void {
    this.#zlib?.close();
    this.#zlib = undefined;
  }

  /** Takes input and gives all the output that follows from it so far. */
  write(input: Uint8Array, maxOutputBytes: number): ZlibResult {
    const zlib = this.#zlib;
    if (zlib === undefined) return writeOnce(this.#kind, this.#options, input, maxOutputBytes);
    const pieces: Buffer[] = [];
    let total = 0;
    let offset = 0;
    for (;;) {
      // One byte over the bound is enough to know.
      const room = Math.min(scratch.length, maxOutputBytes - total + 1);
      zlib._handle.writeSync(constants.Z_SYNC_FLUSH, input, offset, input.length - offset, scratch, 0, room);
      const [roomLeft = 0, unread = 0] = zlib._writeState;
      if (this.#hasFailed) return { output: undefined, fault: "invalid", unread };
      const produced = room - roomLeft;
      total += produced;
      if (total > maxOutputBytes) return { output: undefined, fault: "too big", unread };
      if (produced > 0) pieces.push(Buffer.from(scratch.subarray(0, produced)));
      offset = input.length - unread;
      if (roomLeft > 0) return { output: joined(pieces, total), fault: undefined, unread };
    }
  }

  #create(): Internals {
    const stream =
      this.#kind === "deflate" ? createDeflateRaw(this.#options) : createInflateRaw(this.#options);
    const zlib = stream as unknown as Internals;
    zlib._handle.onerror = () => {
      this.#hasFailed = true;
    };
    return zlib;
  }
}

/** All pieces in one, without a copy where there is only one. */
export function joined(pieces: readonly Buffer[], total: number): Buffer {
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces, total);
}

/** The same through the public functions, for one message that stands by itself. */
function writeOnce(
  kind: ZlibKind,
  options: ZlibOptions,
  input: Uint8Array,
  maxOutputBytes: number,
): ZlibResult {
  const run = kind === "deflate" ? deflateRawSync : inflateRawSync;
  try {
    const { buffer, engine } = run(input, {
      ...options,
      finishFlush: constants.Z_SYNC_FLUSH,
      maxOutputLength: Math.min(maxOutputBytes + 1, bufferConstants.MAX_LENGTH),
      info: true,
    }) as unknown as { buffer: Buffer; engine: { bytesWritten: number } };
    if (buffer.length > maxOutputBytes) return { output: undefined, fault: "too big", unread: 0 };
    return { output: buffer, fault: undefined, unread: input.length - engine.bytesWritten };
  } catch (error) {
    const isTooBig = (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE";
    return { output: undefined, fault: isTooBig ? "too big" : "invalid", unread: 0 };
  }
}

let isHandleUsable: boolean | undefined;

/** Whether a state can last from message to message here, which context takeover needs. */
export function canKeepContext(): boolean {
  isHandleUsable ??= tryHandle();
  return isHandleUsable;
}

/** Compresses twice and expands again, with errors in between, as the code above does it. */
function tryHandle(): boolean {
  isHandleUsable = true;
  try {
    const text = Buffer.from("abcabcabcabcabcabc");
    const deflate = new ZlibStream("deflate", {});
    const inflate = new ZlibStream("inflate", {});
    let isRight = true;
    for (let i = 0; i < 2; i++) {
      const packed = deflate.write(text, 1000).output ?? Buffer.alloc(0);
      isRight &&= inflate.write(packed, 1000).output?.equals(text) === true;
    }
    isRight &&= inflate.write(Buffer.from([0xff, 0xff]), 1000).fault === "invalid";
    inflate.reset();
    deflate.reset();
    const packed = deflate.write(text, 1000).output ?? Buffer.alloc(0);
    isRight &&= inflate.write(packed, 17).fault === "too big";
    inflate.reset();
    isRight &&= inflate.write(packed, 18).output?.equals(text) === true;
    deflate.close();
    inflate.close();
    return isRight;
  } catch {
    return false;
  }
}
