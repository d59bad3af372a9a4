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
