/**
 * Payloads as WebSocket messages, text for text and binary for bytes: one encoding for all connections that compress in
 * the same way, so that readers of a channel share what is framed and compressed.
 */
import type { Encoding } from "../channels/reader.js";
import { Compressor, type Deflate, PreparedMessage } from "../websocket/index.js";
import type { Codec, Encoded } from "../wire/codec.js";

export class WebSocketEncodings {
  readonly #codec: Codec;
  readonly #plain: Encoding<Codec>;
  /** At most one for each of the eight windows. */
  readonly #compressed = new Map<Compressor, Encoding<Codec>>();

  constructor(codec: Codec) {
    this.#codec = codec;
    this.#plain = createEncoding(codec, undefined);
  }

  /** @param deflate agreed on without context takeover: with it, no two connections could share anything */
  for(deflate: Deflate | undefined): Encoding<Codec> {
    if (deflate === undefined) return this.#plain;
    const compressor = Compressor.shared(deflate.settings, deflate.agreement.serverMaxWindowBits);
    let encoding = this.#compressed.get(compressor);
    if (encoding === undefined) {
      encoding = createEncoding(this.#codec, compressor);
      this.#compressed.set(compressor, encoding);
    }
    return encoding;
  }
}

function createEncoding(codec: Codec, compressor: Compressor | undefined): Encoding<Codec> {
  return Object.freeze({
    codec,
    frame: (payload: Encoded) => new PreparedMessage(payload).frameFor(compressor),
  });
}
