/**
 * A message encoded once for any number of connections: framed once, and compressed once for all connections that agreed
 * on the same window. Bytes that are sent must not be changed afterwards.
 */
import type { Compressor } from "./deflate/compressor.js";
import { encodeFrame, Opcode } from "./frame.js";

/** Text, or bytes. */
export type MessageData = string | Uint8Array;

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
