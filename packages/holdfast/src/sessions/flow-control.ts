/**
 * What a session has to say in this turn, in its order. Batches of publications alone go out as the bytes that all readers
 * share. Where there is a reply or push of this session's own, everything of the turn is one frame: SDKs that take a reply
 * up while they have not finished with it start on the next frame, and show its publications first.
 */
import type { Encoding, Framed } from "../channels/reader.js";
import type { Encoded } from "../wire/codec.js";

const noParts: readonly Uint8Array[] = Object.freeze([]);

export class Outbox {
  readonly #encoding: Encoding;
  #items: (Encoded | Framed)[] | undefined;
  #hasMessages = false;
  #size = 0;

  constructor(encoding: Encoding) {
    this.#encoding = encoding;
  }

  /** Bytes that wait, approximately. */
  get size(): number {
    return this.#size;
  }

  get isEmpty(): boolean {
    return this.#items === undefined;
  }

  addMessage(message: Encoded): void {
    this.#items ??= [];
    this.#items.push(message);
    this.#hasMessages = true;
    this.#size += message.length;
  }

  addFramed(framed: Framed): void {
    this.#items ??= [];
    this.#items.push(framed);
    this.#size += framed.bytes.length;
  }

  /** Everything, framed; the outbox is empty afterwards. */
  take(): readonly Uint8Array[] {
    const items = this.#items;
    if (items === undefined) return noParts;
    const { codec, frame } = this.#encoding;
    const parts = this.#hasMessages
      ? [frame(codec.join(items.map((item) => (isFramed(item) ? item.payload() : item))))]
      : items.map((item) => (item as Framed).bytes);
    this.#items = undefined;
    this.#hasMessages = false;
    this.#size = 0;
    return parts;
  }
}

function isFramed(item: Encoded | Framed): item is Framed {
  return typeof item === "object" && "payload" in item;
}

// * Bytes that wait for peers which read too slowly, of all sessions of a node. Each session is bounded by itself; this
// bounds the sum, by ending those that have not caught up for longest. They recover when they come back.

/** A session that may be ended for what it holds. */
export interface Holder {
  /** Ends the connection without another word: the peer does not read any. */
  cut(): void;
}

export class HeldBytes {
  readonly #maxBytes: number;
  /** In the order in which they began to hold. */
  readonly #holders = new Map<Holder, number>();
  #bytes = 0;
  #cuts = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sessions that something waits for. */
  get holders(): number {
    return this.#holders.size;
  }

  /** Sessions that were ended since the start. */
  get cuts(): number {
    return this.#cuts;
  }

  /** A session holds so many bytes now; 0 where it has drained or ended. */
  set(holder: Holder, bytes: number): void {
    this.#bytes += bytes - (this.#holders.get(holder) ?? 0);
    if (bytes === 0) this.#holders.delete(holder);
    else this.#holders.set(holder, bytes);
    while (this.#bytes > this.#maxBytes) this.#cutOne();
  }

  #cutOne(): void {
    const [holder] = this.#holders.keys();
    if (holder === undefined) return;
    this.#bytes -= this.#holders.get(holder) ?? 0;
    this.#holders.delete(holder);
    this.#cuts++;
    holder.cut();
  }
}
