/**
 * Bytes that wait for peers which read too slowly, of all sessions of a node. Each session is bounded by itself; this
 * bounds the sum, by ending those that have not caught up for longest. They recover when they come back.
 */

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
