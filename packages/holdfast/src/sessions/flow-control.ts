/**
 * Flow control of a session: counts what waits for its peer, and decides whether more is written, whether more is read, and
 * whether commands run. {@link HeldBytes} bounds what waits for all peers of a node together.
 */
import { type Encoding, type Framed, maxBatchBytes } from "../channels/batches.js";
import type { Encoded } from "../wire/codec.js";
import type { Session } from "./session.js";

/** Whether the transport pauses or resumes reading; undefined for no change. */
export type ReadDecision = "pause" | "resume" | undefined;

export interface TakenFrame {
  readonly bytes: Uint8Array;
  /** Whether SDKs are done with it before they start on the next frame: it is one publication, join or leave. */
  readonly isHandledAtOnce: boolean;
}

export class FlowControl {
  readonly #encoding: Encoding;
  readonly #maxUnsentBytes: number;
  /** Messages of this turn, in order. */
  #items: (Encoded | Framed)[] | undefined;
  #size = 0;
  #writtenBytes = 0;
  #isFull = false;
  #isReadPaused = false;

  /** @param maxUnsentBytes beyond this many unsent bytes, the peer's commands wait */
  constructor(encoding: Encoding, maxUnsentBytes: number) {
    this.#encoding = encoding;
    this.#maxUnsentBytes = maxUnsentBytes;
  }

  /** Bytes of messages that are not written yet, approximately. */
  get size(): number {
    return this.#size;
  }

  /** Bytes given to the transport so far. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  get isEmpty(): boolean {
    return this.#items === undefined;
  }

  /** Whether so much is to be written that channels are not read for now. */
  get isBehind(): boolean {
    return this.#size >= maxBatchBytes;
  }

  /** Whether the transport holds bytes that the operating system has not taken. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Whether nothing more is read from the peer. */
  get isReadPaused(): boolean {
    return this.#isReadPaused;
  }

  addMessage(message: Encoded): void {
    this.#items ??= [];
    this.#items.push(message);
    this.#size += message.length;
  }

  addFramed(framed: Framed): void {
    this.#items ??= [];
    this.#items.push(framed);
    this.#size += framed.bytes.length;
  }

  /**
   * Everything to write now, in one frame: SDKs handle messages asynchronously and may start on the next frame before they are done,
   * which would show its publications first. A batch of publications alone in its turn goes out as the bytes that all readers share.
   */
  take(): TakenFrame | undefined {
    const items = this.#items;
    if (items === undefined) return undefined;
    const { codec, frame } = this.#encoding;
    const only = items.length === 1 ? (items[0] as Encoded | Framed) : undefined;
    const isShared = only !== undefined && isFramed(only);
    const bytes = isShared
      ? only.bytes
      : frame(codec.join(items.map((item) => (isFramed(item) ? item.payload() : item))));
    this.clear();
    this.#writtenBytes += bytes.length;
    return { bytes, isHandledAtOnce: isShared && only.count === 1 };
  }

  /** Drops what is not written yet. */
  clear(): void {
    this.#items = undefined;
    this.#size = 0;
  }

  /** What `take` returned was written. @param unsentBytes of the transport */
  written(unsentBytes: number): void {
    this.#isFull = unsentBytes > 0;
  }

  drained(): void {
    this.#isFull = false;
  }

  /** Bytes that the operating system has taken so far; grows as long as the peer reads. @param unsentBytes of the transport */
  takenBytes(unsentBytes: number): number {
    return this.#writtenBytes - unsentBytes;
  }

  /** Whether there is room for answers. @param unsentBytes of the transport */
  canRunCommands(unsentBytes: number): boolean {
    return this.#size + unsentBytes <= this.#maxUnsentBytes;
  }

  /**
   * Slows down a peer that does not read its answers, or sends faster than it is answered, by not reading from it.
   * @param mustWait whether the peer's input must wait
   */
  decide(mustWait: boolean): ReadDecision {
    if (mustWait === this.#isReadPaused) return undefined;
    this.#isReadPaused = mustWait;
    return mustWait ? "pause" : "resume";
  }
}

function isFramed(item: Encoded | Framed): item is Framed {
  return typeof item === "object" && "payload" in item;
}

/** A session that may be terminated for the bytes it holds. */
type Holder = Pick<Session, "terminate">;

export class HeldBytes {
  readonly #maxBytes: number;
  /** In the order in which they started to hold bytes. */
  readonly #holders = new Map<Holder, number>();
  #bytes = 0;
  #terminated = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Sessions with waiting bytes. */
  get holders(): number {
    return this.#holders.size;
  }

  /** Sessions terminated since the start. */
  get terminated(): number {
    return this.#terminated;
  }

  /** Sets how many bytes a session holds; 0 if it has drained or ended. */
  set(holder: Holder, bytes: number): void {
    this.#bytes += bytes - (this.#holders.get(holder) ?? 0);
    if (bytes === 0) this.#holders.delete(holder);
    else this.#holders.set(holder, bytes);
    while (this.#bytes > this.#maxBytes) this.#terminateOne();
  }

  #terminateOne(): void {
    const [holder] = this.#holders.keys();
    if (holder === undefined) return;
    this.#bytes -= this.#holders.get(holder) ?? 0;
    this.#holders.delete(holder);
    this.#terminated++;
    holder.terminate();
  }
}
