/**
 * The other side of permessage-deflate (RFC 7692 §7.2) with the streams of node:zlib, which keep their window from
 * message to message or are reset. Free of the engine's code.
 */
import { constants, createDeflateRaw, createInflateRaw, type DeflateRaw, type InflateRaw } from "node:zlib";
import { tail } from "./deflate.js";

export interface ZlibPeerOptions {
  readonly keepsContext: boolean;
  readonly windowBits: number;
  readonly level?: number;
}

type Transform = DeflateRaw | InflateRaw;

/** One direction of one connection: compresses or expands its messages, one after the other. */
export class ZlibPeer {
  readonly #stream: Transform;
  readonly #keepsContext: boolean;
  #pieces: Buffer[] = [];
  readonly #failed: Promise<never>;

  private constructor(stream: Transform, keepsContext: boolean) {
    this.#stream = stream;
    this.#keepsContext = keepsContext;
    stream.on("data", (piece: Buffer) => this.#pieces.push(piece));
    this.#failed = new Promise((_, fail) => stream.on("error", fail));
    this.#failed.catch(() => {});
  }

  static sender({ keepsContext, windowBits, level = 6 }: ZlibPeerOptions): ZlibPeer {
    return new ZlibPeer(createDeflateRaw({ windowBits, level }), keepsContext);
  }

  /** Small pieces of output, so that what is out of the window is out of reach. */
  static receiver({ keepsContext, windowBits }: ZlibPeerOptions): ZlibPeer {
    return new ZlibPeer(createInflateRaw({ windowBits, chunkSize: 2 ** windowBits / 2 }), keepsContext);
  }

  /** The payload as it travels, without the four bytes that a sender leaves out. */
  async compress(payload: Uint8Array): Promise<Buffer> {
    const bytes = await this.#run(payload);
    return bytes.subarray(0, -tail.length);
  }

  async expand(compressed: Uint8Array): Promise<Buffer> {
    return this.#run(Buffer.concat([compressed, tail]));
  }

  close(): void {
    this.#stream.close();
  }

  async #run(input: Uint8Array): Promise<Buffer> {
    this.#stream.write(input);
    const flushed = new Promise<void>((done) => this.#stream.flush(constants.Z_SYNC_FLUSH, () => done()));
    await Promise.race([flushed, this.#failed]);
    const output = Buffer.concat(this.#pieces);
    this.#pieces = [];
    if (!this.#keepsContext) this.#stream.reset();
    return output;
  }
}
