/**
 * What connections write. `Output` is one connection's: it gathers what is sent in a turn of the event loop, has one write in
 * progress at a time, and gathers behind it. `OutputBatch` is what was gathered, shared by connections that are sent the same
 * frames. `Flusher` starts the writes of all connections once a turn. Small batches go to a plain TCP socket past its stream
 * (`writeDirectly`).
 */

import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { TLSSocket } from "node:tls";
import type { SocketDriver } from "./socket-driver.js";

/** Beyond this many bytes, frames are written one by one instead of being joined. */
const maxJoinedBytes = 64 * 1024;
/** Larger output is given to the stream in pieces of this size, so that a peer that reads some of it is not taken for stalled. */
const maxGivenBytes = 64 * 1024;
const emptyBytes = Buffer.alloc(0);
const noPieces: Uint8Array[] = [];

/** What one connection writes. */
export class Output implements Flushable, DirectWriter {
  readonly #stream: Duplex;
  readonly #flusher: Flusher;
  /** Notified of the progress of writes, after the calls that began them. */
  readonly #driver: SocketDriver;
  /** Small batches of a plain TCP socket go past its stream, everything else through it. */
  readonly #direct: DirectHandle | undefined;
  /** Sent in this turn, or waiting for the write in progress. */
  #batch: OutputBatch;
  /** The rest of a large batch, ahead of all others, last piece first. */
  #rest: Uint8Array[] = noPieces;
  #restBytes = 0;
  #isFlushScheduled = false;
  #isWriting = false;
  #isDrainAwaited = false;
  /** All bytes were given to the stream, or the stream is gone. */
  #hasEnded = false;

  constructor(stream: Duplex, flusher: Flusher, driver: SocketDriver) {
    this.#stream = stream;
    this.#flusher = flusher;
    this.#driver = driver;
    this.#batch = flusher.empty;
    this.#direct = directHandleOf(stream);
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Bytes that the operating system has not taken yet. */
  get unsentBytes(): number {
    return this.#stream.destroyed ? 0 : this.waitingBytes + this.bytesInFlight;
  }

  /** Bytes of the write in progress that the operating system has not taken. */
  get bytesInFlight(): number {
    if (!this.#isWriting || this.#stream.destroyed) return this.#stream.writableLength;
    return this.#stream.writableLength + (this.#direct?.writeQueueSize ?? 0);
  }

  /** Bytes without a write yet. */
  get waitingBytes(): number {
    return this.#batch.bytes + this.#restBytes;
  }

  /** Waits for what was written before this object existed. */
  start(): void {
    if (this.#stream.writableLength > 0) this.#watchStream();
  }

  /** Calls `writeDrained` when everything unsent now has been taken, even if that is at once. */
  awaitDrain(): void {
    this.#isDrainAwaited = true;
  }

  /** Writes with the rest of this turn. */
  queue(frame: Uint8Array): void {
    if (this.#stream.destroyed || this.#hasEnded) return;
    this.#batch = this.#batch.with(frame);
    if (this.#isFlushScheduled || this.#isWriting) return;
    this.#isFlushScheduled = true;
    this.#flusher.add(this);
  }

  /** Writes at once, after what was queued. */
  write(frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.#batch = this.#batch.with(frame);
    this.#writeWaiting();
  }

  /** Gives everything left to the stream, and ends it. */
  end(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#stream.destroyed) return;
    // After a write in progress, the stream keeps the order.
    this.#giveRest();
    this.#giveBatch();
    this.#giveRest();
    this.#stream.end();
  }

  /** The stream is gone. */
  clear(): void {
    this.#hasEnded = true;
    this.#batch = this.#flusher.empty;
    this.#rest = noPieces;
    this.#restBytes = 0;
  }

  /** Flushable. */
  flush(): void {
    this.#isFlushScheduled = false;
    this.#writeWaiting();
    if (this.#isDrainAwaited && !this.#isWriting) this.#notifyDrained();
  }

  /** DirectWriter. */
  directWritten(status: number): void {
    this.#isWriting = false;
    if (status < 0) this.#stream.destroy();
    else this.#written();
  }

  #written(): void {
    this.#driver.writeProgressed();
    this.#writeWaiting();
    if (!this.#isWriting) this.#notifyDrained();
  }

  #notifyDrained(): void {
    this.#isDrainAwaited = false;
    this.#driver.writeDrained();
  }

  #writeWaiting(): void {
    const batch = this.#batch;
    if (this.#isWriting || this.#hasEnded || this.waitingBytes === 0) return;
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

  #giveRest(maxBytes = Infinity): void {
    if (this.#restBytes === 0) return;
    this.#stream.cork();
    for (let given = 0; given < maxBytes && this.#restBytes > 0; ) {
      const piece = this.#rest.pop() as Uint8Array;
      given += piece.length;
      this.#restBytes -= piece.length;
      this.#stream.write(piece);
    }
    this.#stream.uncork();
  }

  #beginWriting(): void {
    this.#isWriting = true;
    this.#driver.writeBlocked();
  }

  /** The stream's `drain` event keeps silent below its high-water mark; an empty write behind the rest does not. */
  #watchStream(): void {
    this.#beginWriting();
    this.#stream.write(emptyBytes, () => {
      this.#isWriting = false;
      if (!this.#stream.destroyed) this.#written();
    });
  }
}

/**
 * What a connection has to write, as a path through frames: each step adds one. Connections that were given the same
 * frames in the same order, as by broadcasts, share one batch, so that joining the frames is done once for all.
 */
export class OutputBatch {
  /** Bytes of all frames. */
  readonly bytes: number;
  readonly #previous: OutputBatch | undefined;
  readonly #frame: Uint8Array;
  #joined: Uint8Array | undefined;
  /** The last step that was taken from here, and where it led. */
  #nextFrame: Uint8Array | undefined;
  #next: OutputBatch | undefined;

  private constructor(previous: OutputBatch | undefined, frame: Uint8Array) {
    // The empty batch is left out of every path.
    this.#previous = previous && previous.bytes > 0 ? previous : undefined;
    this.#frame = frame;
    this.bytes = (previous?.bytes ?? 0) + frame.length;
  }

  static createEmpty(): OutputBatch {
    return new OutputBatch(undefined, new Uint8Array(0));
  }

  /** The batch with one more frame, which must not be empty. */
  with(frame: Uint8Array): OutputBatch {
    if (this.#nextFrame === frame) return this.#next as OutputBatch;
    const next = new OutputBatch(this, frame);
    this.#nextFrame = frame;
    this.#next = next;
    return next;
  }

  /** Releases the remembered step for garbage collection. */
  forget(): void {
    this.#nextFrame = undefined;
    this.#next = undefined;
  }

  /** All frames in one piece, the same object each time. */
  joined(): Uint8Array {
    if (this.#previous === undefined) return this.#frame;
    this.#joined ??= Buffer.concat(this.frames(), this.bytes);
    return this.#joined;
  }

  /** The frames in the order they were added. */
  frames(): Uint8Array[] {
    const frames: Uint8Array[] = [];
    for (let batch: OutputBatch | undefined = this; batch; batch = batch.#previous) frames.push(batch.#frame);
    return frames.reverse();
  }
}

/** Written once a turn by a `Flusher`. */
export interface Flushable {
  flush(): void;
}

const sliceMs = 4;
/** How many are flushed between checks of the clock. */
const stride = 32;

/**
 * Flushes connections once per turn of the event loop: one write each, however many messages they were sent. A long row of
 * connections is flushed in slices, so that reading, timers and others get their turn in between.
 */
export class Flusher {
  /** Where every batch begins. */
  readonly empty = OutputBatch.createEmpty();
  #waiting: Flushable[] = [];
  #isScheduled = false;

  /** Add each at most once until it is flushed. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.empty.forget();
    const end = performance.now() + sliceMs;
    for (let i = 0; i < waiting.length; i++) {
      if (i % stride === stride - 1 && performance.now() > end) {
        // The rest come first in the next turn.
        const left = waiting.slice(i);
        this.#waiting = this.#waiting.length === 0 ? left : [...left, ...this.#waiting];
        this.#schedule();
        return;
      }
      try {
        (waiting[i] as Flushable).flush();
      } catch (error) {
        // Reported as an uncaught error; the others are still flushed.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}

/*
 * Direct writes: to a plain TCP socket past the queues of its stream. When a publication goes to thousands of sockets, the
 * stream machinery around each write costs as much as everything else outside the kernel, and the kernel takes nearly every
 * write at once.
 *
 * The handle below a `net.Socket` is not a documented interface. There are two ways of writing to it: up to Node.js 24 the
 * caller passes a request object, which is used up when the kernel does not take everything; Node.js 26 makes one itself
 * in that case and returns it. The first write of Node.js itself shows which one applies; if neither does, the stream is
 * used. `HOLDFAST_DIRECT_WRITES=off` in the environment turns direct writes off.
 */

export interface DirectHandle {
  /** @returns an error number below 0, 0, or the request that was made because the kernel has not taken everything */
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest;
  /** Bytes that the kernel has not taken yet. */
  readonly writeQueueSize: number;
}

/** A write that the kernel did not complete at once. */
interface WriteRequest {
  oncomplete?: (status: number) => void;
  /** Keeps the bytes alive. */
  buffer?: Uint8Array;
  /** Below 0 while no write uses the request, or ever has. */
  getAsyncId?(): number;
  /** Of a request that Node.js made: the status, where it was complete before `oncomplete` could be set. */
  readonly writeStatus?: number | null;
}

type WriteRequestClass = new () => WriteRequest;

const noAsyncId = -1;

/** How writes are asked for here: with requests of this class, or without; undefined while that is not known. */
let dialect: WriteRequestClass | "no request" | undefined;
let spare: WriteRequest | undefined;
const isTurnedOff = process.env.HOLDFAST_DIRECT_WRITES === "off";

/**
 * Writes the first bytes of a connection, through its stream. The first time, this learns from Node.js itself how writes
 * are asked for.
 */
export function writeFirst(stream: NodeJS.WritableStream, bytes: Uint8Array): void {
  const handle = dialect === undefined ? handleOf(stream) : undefined;
  if (handle === undefined) {
    stream.write(bytes);
    return;
  }
  const original = handle.writeBuffer;
  handle.writeBuffer = (request, given) => {
    if (request === null) dialect = "no request";
    else if (request.getAsyncId?.() === noAsyncId) dialect = request.constructor as WriteRequestClass;
    return original.call(handle, request, given);
  };
  try {
    stream.write(bytes);
  } finally {
    delete (handle as Partial<DirectHandle>).writeBuffer;
  }
}

/** For a process whose connections were all opened by another, which therefore writes no first bytes. */
export function learnDirectWrites(stream: NodeJS.WritableStream): void {
  if (dialect === undefined) writeFirst(stream, emptyBytes);
}

/** @returns undefined if the stream has to be used */
export function directHandleOf(stream: NodeJS.WritableStream): DirectHandle | undefined {
  return dialect === undefined ? undefined : handleOf(stream);
}

/** Notified of a write that did not complete at once. */
export interface DirectWriter {
  /** @param status below 0 where the connection has failed */
  directWritten(status: number): void;
}

/**
 * Writes; the bytes must not change until they are sent. Must not be called while an earlier write is in progress.
 * @returns 0 when the kernel took all, 1 when it has not yet and `writer` will hear of it, an error number below 0 when
 * the connection has failed
 */
export function writeDirectly(handle: DirectHandle, bytes: Uint8Array, writer: DirectWriter): number {
  if (dialect === "no request") return writeWithoutRequest(handle, bytes, writer);
  const request = spare ?? new (dialect as WriteRequestClass)();
  const status = handle.writeBuffer(request, bytes) as number;
  if (status < 0) return status;
  // An empty queue would not tell: a write that was completed in two steps still has its request until the next turn,
  // and Node.js ends the process over a request that is used twice.
  if (request.getAsyncId?.() === noAsyncId) {
    spare = request;
    return 0;
  }
  spare = undefined;
  follow(request, bytes, writer);
  return 1;
}

function writeWithoutRequest(handle: DirectHandle, bytes: Uint8Array, writer: DirectWriter): number {
  const result = handle.writeBuffer(null, bytes);
  if (typeof result === "number") return result;
  if (typeof result.writeStatus === "number") return Math.min(0, result.writeStatus);
  follow(result, bytes, writer);
  return 1;
}

function follow(request: WriteRequest, bytes: Uint8Array, writer: DirectWriter): void {
  request.buffer = bytes;
  request.oncomplete = (status) => writer.directWritten(status);
}

function handleOf(stream: NodeJS.WritableStream): DirectHandle | undefined {
  if (isTurnedOff || !(stream instanceof Socket) || stream instanceof TLSSocket) return undefined;
  const { _handle: handle } = stream as unknown as { _handle?: DirectHandle | null };
  const isKnown =
    handle?.constructor.name === "TCP" &&
    typeof handle.writeBuffer === "function" &&
    typeof handle.writeQueueSize === "number";
  return isKnown ? (handle as DirectHandle) : undefined;
}
