/**
 * The bytes between the processes that share a store: frames, each a length, a kind, a number, a head as JSON, and parts, which are
 * payloads. Readers skip members of a head, and kinds of frames, that they do not know.
 *
 * A frame: length of what follows (4 bytes, little-endian), kind (1), number of the call (4), bytes of the head (4), the head, the
 * parts. The head is `[value, ...lengths of the parts]`; the length of a binary part is negative, minus one.
 */

/** What a frame says. Numbers are never reused. */
export const kinds = {
  /** First from a follower: who it is. */
  hello: 1,
  /** The owner still opens the store. */
  opening: 2,
  welcome: 3,
  /** Instead of a welcome, with an error. */
  refusal: 4,
  call: 5,
  result: 6,
  failure: 7,
  publication: 8,
  /** A message of one node to others. */
  message: 9,
  release: 10,
  /** Which followers the owner has. */
  followers: 11,
  /** The owner closes: a follower sends no more calls, and says so with `paused`. */
  closing: 12,
  paused: 13,
  /** The node of the owner. */
  owner: 14,
  /** A node whose process has left. */
  left: 15,
} as const;

export type Part = string | Uint8Array;

export interface Frame {
  readonly kind: number;
  /** Of the call; 0 if it is none. */
  readonly id: number;
  readonly head: unknown;
  readonly parts: readonly Part[];
}

const lengthBytes = 4;
const fixedBytes = 1 + 4 + 4;
/** Longer frames are a fault of the peer: a page of history has a few megabytes. */
const maxFrameBytes = 256 * 1024 * 1024;

export function encodeFrame(kind: number, id: number, head: unknown, parts: readonly Part[] = []): Buffer {
  let partBytes = 0;
  const lengths: number[] = [];
  for (const part of parts) {
    const bytes = typeof part === "string" ? Buffer.byteLength(part) : part.length;
    lengths.push(typeof part === "string" ? bytes : -bytes - 1);
    partBytes += bytes;
  }
  const text = JSON.stringify([head, ...lengths]);
  const headBytes = Buffer.byteLength(text);
  const frame = Buffer.allocUnsafe(lengthBytes + fixedBytes + headBytes + partBytes);
  frame.writeUInt32LE(frame.length - lengthBytes, 0);
  frame[4] = kind;
  frame.writeUInt32LE(id, 5);
  frame.writeUInt32LE(headBytes, 9);
  let at = 13 + frame.write(text, 13);
  for (const part of parts) {
    if (typeof part === "string") at += frame.write(part, at);
    else {
      frame.set(part, at);
      at += part.length;
    }
  }
  return frame;
}

/** @throws Error if the bytes are no frame */
function decodeFrame(bytes: Buffer): Frame {
  const headEnd = fixedBytes + bytes.readUInt32LE(5);
  const [head, ...lengths] = JSON.parse(bytes.toString("utf8", fixedBytes, headEnd)) as [
    unknown,
    ...number[],
  ];
  let at = headEnd;
  const parts = lengths.map((length): Part => {
    const end = at + (length < 0 ? -length - 1 : length);
    if (end > bytes.length) throw new Error("a part ends beyond its frame");
    // A copy, since the bytes are part of what was read together.
    const part = length < 0 ? new Uint8Array(bytes.subarray(at, end)) : bytes.toString("utf8", at, end);
    at = end;
    return part;
  });
  return { kind: bytes[0] as number, id: bytes.readUInt32LE(1), head, parts };
}

/** Cuts what a socket reads into frames. */
export class FrameReader {
  #chunks: Buffer[] = [];
  #bytes = 0;
  /** Bytes until the next frame is complete, as far as known. */
  #needed = lengthBytes;

  /** @throws Error if the bytes are no frames */
  *read(chunk: Buffer): Iterable<Frame> {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    if (this.#bytes < this.#needed) return;
    const bytes = this.#chunks.length === 1 ? chunk : Buffer.concat(this.#chunks, this.#bytes);
    let at = 0;
    this.#needed = lengthBytes;
    while (at + lengthBytes <= bytes.length) {
      const length = bytes.readUInt32LE(at);
      if (length < fixedBytes || length > maxFrameBytes) throw new Error(`a frame has ${length} bytes`);
      const end = at + lengthBytes + length;
      if (end > bytes.length) {
        this.#needed = lengthBytes + length;
        break;
      }
      yield decodeFrame(bytes.subarray(at + lengthBytes, end));
      at = end;
    }
    this.#chunks = at === bytes.length ? [] : [bytes.subarray(at)];
    this.#bytes = bytes.length - at;
  }
}
