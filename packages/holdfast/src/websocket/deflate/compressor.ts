/**
 * Compresses messages for permessage-deflate (RFC 7692 §7.2.1). Without context takeover there is one compressor for all
 * connections with the same settings, and none of them keeps anything.
 */
import type { DeflateSettings } from "./options.js";
import { ZlibStream } from "./zlib-stream.js";

/** What a sync flush ends with; left out of the message (RFC 7692 §7.2.1, step 3). */
const tailBytes = 4;

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

  /** The one for all connections without context takeover that agreed on this window. */
  static shared(settings: DeflateSettings, windowBits: number): Compressor {
    let ofSettings = sharedOnes.get(settings);
    if (ofSettings === undefined) {
      ofSettings = new Map();
      sharedOnes.set(settings, ofSettings);
    }
    let compressor = ofSettings.get(windowBits);
    if (compressor === undefined) {
      compressor = new Compressor(settings, windowBits, true);
      ofSettings.set(windowBits, compressor);
    }
    return compressor;
  }

  /** One for a connection with context takeover, to be closed with it. */
  static own(settings: DeflateSettings, windowBits: number): Compressor {
    return new Compressor(settings, windowBits, false);
  }

  /** @returns undefined when the message had better go as it is: RFC 7692 §6 lets a sender choose for each */
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
const sharedOnes = new WeakMap<DeflateSettings, Map<number, Compressor>>();
