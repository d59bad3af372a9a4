/**
 * Writes what one connection has to say: gathers what is sent in a turn, has one write under way at a time, and gathers
 * behind it. Small batches of a plain TCP socket go past its stream, everything else through it.
 */
import type { Duplex } from "node:stream";
import { type DirectHandle, type DirectWriter, directHandleOf, writeDirectly } from "./direct-write.js";
import type { Flushable, Flusher } from "./flusher.js";
import type { OutputBatch } from "./output-batch.js";

export interface OutputOwner {
  /** A write was begun that the operating system has not taken as a whole; one before it, if any, has been. */
  blocked(): void;
  /** A write that was under way has been taken. */
  progressed(): void;
  /** Everything has been taken, after it was blocked or awaited. */
  taken(): void;
}

/** Beyond so many bytes, frames are written one by one rather than copied into one piece. */
const maxJoinedBytes = 64 * 1024;
/** Of more than that, the stream is given so much at a time: a peer that takes some of it is seen not to be stalled. */
const maxGivenBytes = 64 * 1024;
const nothing = Buffer.alloc(0);
const noPieces: Uint8Array[] = [];

export class OutputWriter implements Flushable, DirectWriter {
  readonly #stream: Duplex;
  readonly #flusher: Flusher;
  readonly #owner: OutputOwner;
  readonly #direct: DirectHandle | undefined;
  /** What was sent in this turn, or waits behind a write that is under way. */
  #batch: OutputBatch;
  /** The rest of a large batch, in front of all others, last piece first. */
  #rest: Uint8Array[] = noPieces;
  #restBytes = 0;
  #isFlushScheduled = false;
  #isWriting = false;
  /** Whether somebody wants to hear when all has been taken. */
  #isAwaited = false;
  /** The last byte was given to the stream, or the stream is gone. */
  #isOver = false;

  constructor(stream: Duplex, flusher: Flusher, owner: OutputOwner) {
    this.#stream = stream;
    this.#flusher = flusher;
    this.#owner = owner;
    this.#batch = flusher.empty;
    this.#direct = directHandleOf(stream);
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Bytes that the operating system has not taken yet. */
  get unsentBytes(): number {
    return this.#stream.destroyed ? 0 : this.waitingBytes + this.bytesUnderWay;
  }

  /** Of the write that is under way, what the operating system has not taken yet. */
  get bytesUnderWay(): number {
    if (!this.#isWriting || this.#stream.destroyed) return this.#stream.writableLength;
    return this.#stream.writableLength + (this.#direct?.writeQueueSize ?? 0);
  }

  /** Bytes that no write was begun for yet. */
  get waitingBytes(): number {
    return this.#batch.bytes + this.#restBytes;
  }

  /** Waits for what was written before this object was there. */
  start(): void {
    if (this.#stream.writableLength > 0) this.#watchStream();
  }

  /** Has `taken` called when all that is unsent now has been taken, even if it is taken at once. */
  awaitTaken(): void {
    this.#isAwaited = true;
  }

  /** To be written with the rest of this turn. */
  queue(frame: Uint8Array): void {
    if (this.#stream.destroyed || this.#isOver) return;
    this.#batch = this.#batch.with(frame);
    if (this.#isFlushScheduled || this.#isWriting) return;
    this.#isFlushScheduled = true;
    this.#flusher.add(this);
  }

  /** Written at once, behind what was queued. */
  write(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.#batch = this.#batch.with(frame);
    this.#writeWaiting();
  }

  /** Gives all that is left to the stream, and ends it. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#stream.destroyed) return;
    // Behind a write that is under way, the order is kept below.
    this.#giveRest();
    this.#giveBatch();
    this.#giveRest();
    this.#stream.end();
  }

  /** The stream is gone. */
  clear(): void {
    this.#isOver = true;
    this.#batch = this.#flusher.empty;
    this.#rest = noPieces;
    this.#restBytes = 0;
  }

  /** Flushable. */
  flush(): void {
    this.#isFlushScheduled = false;
    this.#writeWaiting();
    if (this.#isAwaited && !this.#isWriting) this.#tellTaken();
  }

  /** DirectWriter. */
  directWritten(status: number): void {
    this.#isWriting = false;
    if (status < 0) this.#stream.destroy();
    else this.#written();
  }

  #written(): void {
    this.#owner.progressed();
    this.#writeWaiting();
    if (!this.#isWriting) this.#tellTaken();
  }

  #tellTaken(): void {
    this.#isAwaited = false;
    this.#owner.taken();
  }

  #writeWaiting(): void {
    const batch = this.#batch;
    if (this.#isWriting || this.#isOver || this.waitingBytes === 0) return;
    // The stream is empty here: what goes through it is waited for like anything else.
    if (this.#direct !== undefined && this.#restBytes === 0 && batch.bytes <= maxJoinedBytes) {
      this.#batch = this.#flusher.empty;
      const status = writeDirectly(this.#direct, batch.joined(), this);
      if (status === 0) return;
      if (status < 0) this.#stream.destroy();
      else this.#beginWriting();
      return;
    }
    while (this.waitingBytes > 0 && this.#stream.writableLength === 0) {
      if (this.#stream.destroyed) return;
      if (this.#restBytes === 0) this.#giveBatch();
      this.#giveRest(maxGivenBytes);
    }
    if (this.#stream.writableLength > 0) this.#watchStream();
  }

  /** Writes the batch, or makes it the rest where it is large. */
  #giveBatch(): void {
    const batch = this.#batch;
    if (batch.bytes === 0) return;
    this.#batch = this.#flusher.empty;
    if (batch.bytes <= maxJoinedBytes) {
      this.#stream.write(batch.joined());
      return;
    }
    this.#rest = [];
    this.#restBytes = batch.bytes;
    for (const frame of batch.frames())
      for (let at = 0; at < frame.length; at += maxGivenBytes)
        this.#rest.push(frame.subarray(at, at + maxGivenBytes));
    this.#rest.reverse();
  }

  #giveRest(most = Infinity): void {
    if (this.#restBytes === 0) return;
    this.#stream.cork();
    for (let given = 0; given < most && this.#restBytes > 0; ) {
      const piece = this.#rest.pop() as Uint8Array;
      given += piece.length;
      this.#restBytes -= piece.length;
      this.#stream.write(piece);
    }
    this.#stream.uncork();
  }

  #beginWriting(): void {
    this.#isWriting = true;
    this.#owner.blocked();
  }

  /** The stream's `drain` event keeps silent below its high-water mark; an empty write behind the rest does not. */
  #watchStream(): void {
    this.#beginWriting();
    this.#stream.write(nothing, () => {
      this.#isWriting = false;
      if (!this.#stream.destroyed) this.#written();
    });
  }
}
