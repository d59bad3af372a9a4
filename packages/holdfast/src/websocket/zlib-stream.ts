/**
 * Raw DEFLATE (RFC 1951), synchronous and bounded, on one zlib state that can be used for message after message.
 *
 * The public one-shot functions of node:zlib set up a new state for every call, which takes three times as long as
 * compressing a small message. The state of a stream object can be driven synchronously through its handle, which is
 * not a documented interface; so a trial at the first use decides, and where the handle is not as expected the one-shot
 * functions do the work, without what only a lasting state can do (`canKeepContext`).
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
