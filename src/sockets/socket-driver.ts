/**
 * Drives one WebSocket connection of the engine over a stream of Node.js: TCP, TLS or one stream of HTTP/2. Moves bytes
 * both ways, gathers what is written in a turn, and keeps the bounds in time and size. What messages mean is the owner's.
 */
import type { Duplex } from "node:stream";
import {
  type CloseStatus,
  type Deflate,
  type MessageData,
  type PreparedMessage,
  type Role,
  WebSocketConnection,
} from "../websocket/index.js";
import { type DirectHandle, directHandleOf, writeDirectly } from "./direct-write.js";
import type { DriverContext } from "./driver-context.js";
import { DriverDeadlines } from "./driver-deadlines.js";
import type { OutputBatch } from "./output-batch.js";

/** What the driver reports to. Nothing is reported after `closed`. */
export interface SocketOwner {
  /** A message of the peer. Bytes may be a view of memory that nothing else uses any more. */
  receive(data: MessageData): void;
  /** Everything given to the driver has been taken by the operating system. */
  drained(): void;
  /** No more messages will come: the peer has closed, or broke a rule, which is said then, or the socket is gone. */
  ended(fault: string | undefined): void;
  /** The socket is gone. Called once. */
  closed(status: CloseStatus): void;
  receivePing?(data: Uint8Array): void;
  receivePong?(data: Uint8Array): void;
}

/** Beyond so many bytes, frames are written one by one rather than copied into one piece. */
const maxJoinedBytes = 64 * 1024;
/** Of more than that, the stream is given so much at a time: a peer that takes some of it is seen not to be stalled. */
const maxGivenBytes = 256 * 1024;
const nothing = Buffer.alloc(0);
const noPieces: Uint8Array[] = [];
const gone: CloseStatus = Object.freeze({ code: 1006, reason: "", wasClean: false });

export class SocketDriver {
  readonly #stream: Duplex;
  readonly #connection: WebSocketConnection;
  readonly #context: DriverContext;
  readonly #owner: SocketOwner;
  readonly #deadlines: DriverDeadlines;
  readonly #direct: DirectHandle | undefined;
  /** What was sent in this turn, or waits behind a write that is under way. */
  #batch: OutputBatch;
  /** The rest of a large batch, in front of all others, last piece first. */
  #rest: Uint8Array[] = noPieces;
  #restBytes = 0;
  #isFlushScheduled = false;
  #isWriting = false;
  #isHeldUpByOwner = false;
  #isHeldUpByOutput = false;
  #hasEnded = false;
  /** The owner has ended the connection: it is given no more messages. */
  #isDeaf = false;
  /** The last byte was given to the stream, or the stream is gone. */
  #isOver = false;

  /** @param stream the opening handshake is done, its answer written by `writeFirst` */
  constructor(
    role: Role,
    stream: Duplex,
    deflate: Deflate | undefined,
    context: DriverContext,
    owner: SocketOwner,
  ) {
    this.#stream = stream;
    this.#context = context;
    this.#owner = owner;
    this.#connection = new WebSocketConnection(role, context.settings.connection, deflate);
    this.#batch = context.flusher.empty;
    this.#direct = directHandleOf(stream);
    this.#deadlines = new DriverDeadlines(this, context);
  }

  get connection(): WebSocketConnection {
    return this.#connection;
  }

  /** Bytes that the operating system has not taken yet, frame headers included. */
  get unsentBytes(): number {
    return this.#stream.destroyed ? 0 : this.#batch.bytes + this.#restBytes + this.bytesUnderWay;
  }

  /** TimedDriver: of the write that is under way, what the operating system has not taken yet. */
  get bytesUnderWay(): number {
    if (!this.#isWriting || this.#stream.destroyed) return this.#stream.writableLength;
    return this.#stream.writableLength + (this.#direct?.writeQueueSize ?? 0);
  }

  get isReadingHeldUp(): boolean {
    return this.#isHeldUpByOwner || this.#isHeldUpByOutput;
  }

  /** Starts reading. @param head bytes that came with the handshake */
  start(head: Uint8Array): void {
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => this.#receiveEnd());
    // Whatever the error, `close` follows.
    stream.on("error", () => {});
    stream.on("close", () => this.#gone());
    this.#deadlines.start();
    if (stream.writableLength > 0) this.#watchStream();
    if (head.length > 0) this.#receive(Buffer.from(head));
  }

  /**
   * Sends a message in this turn's write.
   * @throws HF_WEBSOCKET_STATE when the connection is not open
   */
  send(message: MessageData | PreparedMessage): void {
    const frame = this.#connection.encode(message);
    this.#queue(frame);
    if (this.#isWriting || this.#batch.bytes > this.#context.settings.maxUnsentBytes) this.#checkUnsent();
  }

  /** Sends what was put into the engine directly: pings, fragments. */
  sendOutput(): void {
    for (const frame of this.#connection.takeOutput()) this.#queue(frame);
  }

  /** Writes frames at once: for owners that gather for themselves. Nothing is written unless the connection is open. */
  write(frames: readonly Uint8Array[]): void {
    if (this.#connection.state !== "open") return;
    for (const frame of frames) this.#batch = this.#batch.with(frame);
    this.#writeBatch();
  }

  /** Starts the closing handshake. @throws HF_WEBSOCKET_ARGUMENT when code or reason are not accepted */
  close(code?: number, reason?: string): void {
    this.#connection.close(code, reason);
    this.#isDeaf = true;
    this.#afterOutput();
  }

  /** Fails the connection with a code: Close frame, then the end. */
  fail(code: number, reason: string): void {
    this.#connection.fail(code, reason);
    this.#isDeaf = true;
    this.#end(undefined);
  }

  /** Ends the connection without another word. */
  destroy(): void {
    this.#isDeaf = true;
    this.#stream.destroy();
  }

  /** Takes no more input. What was read already may still come. */
  pauseReading(): void {
    this.#isHeldUpByOwner = true;
    this.#updateReading();
  }

  resumeReading(): void {
    this.#isHeldUpByOwner = false;
    this.#updateReading();
  }

  /** Flushable: writes what was gathered in this turn. */
  flush(): void {
    this.#isFlushScheduled = false;
    this.#writeBatch();
  }

  /** DirectWriter: a write that was under way is done. */
  directWritten(status: number): void {
    this.#isWriting = false;
    if (status < 0) this.#stream.destroy();
    else this.#written();
  }

  #receive(chunk: Buffer): void {
    this.#deadlines.received();
    let hasMessage = false;
    for (const event of this.#connection.receive(chunk)) {
      if (event.type === "text" || event.type === "binary") {
        hasMessage = true;
        // The owner may have ended the connection over a message before this one.
        if (!this.#isDeaf) this.#owner.receive(event.type === "text" ? event.text : event.data);
      } else if (event.type === "ping") this.#owner.receivePing?.(event.data);
      else if (event.type === "pong") this.#owner.receivePong?.(event.data);
      else if (event.type === "fault") this.#tellEnded(event.reason);
    }
    this.#afterOutput();
    if (this.#connection.state !== "open") return;
    this.#deadlines.messages(hasMessage, this.#connection.isMidMessage);
    const { holdReadingAboveBytes } = this.#context.settings;
    if (holdReadingAboveBytes !== null && this.unsentBytes > holdReadingAboveBytes) {
      this.#isHeldUpByOutput = true;
      this.#updateReading();
    }
  }

  #receiveEnd(): void {
    this.#connection.receiveEnd();
    this.#afterOutput();
  }

  /** Takes what the engine has to say, and follows its state. */
  #afterOutput(): void {
    this.sendOutput();
    const { state } = this.#connection;
    if (state === "closed") this.#end(undefined);
    else if (state === "closing") {
      // What the peer still sends is read and dropped, until its Close frame comes.
      this.#stream.resume();
      this.#deadlines.closing();
    } else this.#checkUnsent();
  }

  /** The connection is over: what is left is sent, and the socket ends within a bound. */
  #end(fault: string | undefined): void {
    this.sendOutput();
    if (this.#connection.isFinished && !this.#isOver) {
      this.#isOver = true;
      if (!this.#stream.destroyed) {
        // Behind a write that is under way, the order is kept below.
        this.#giveRest();
        this.#writeToStream();
        this.#giveRest();
        this.#stream.end();
      }
    }
    this.#tellEnded(fault);
    // Closing over unread bytes would reset the connection, and the Close frame could be lost with it.
    this.#stream.resume();
    this.#deadlines.closing();
  }

  #gone(): void {
    this.#isOver = true;
    this.#deadlines.stop();
    this.#connection.receiveEnd();
    this.#batch = this.#context.flusher.empty;
    this.#rest = noPieces;
    this.#restBytes = 0;
    this.#tellEnded(undefined);
    this.#owner.closed(this.#connection.closeStatus ?? gone);
  }

  #tellEnded(fault: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#owner.ended(fault);
  }

  #queue(frame: Uint8Array): void {
    this.#batch = this.#batch.with(frame);
    if (this.#isFlushScheduled || this.#isWriting) return;
    this.#isFlushScheduled = true;
    this.#context.flusher.add(this);
  }

  #checkUnsent(): void {
    const { maxUnsentBytes } = this.#context.settings;
    const { unsentBytes } = this;
    if (unsentBytes <= maxUnsentBytes || this.#connection.state !== "open") return;
    this.#connection.fail(
      1008,
      `${unsentBytes} bytes wait to be read, more than the limit of ${maxUnsentBytes}`,
    );
    this.#stream.destroy();
  }

  /** One write at a time; what is sent meanwhile gathers behind it. */
  #writeBatch(): void {
    const batch = this.#batch;
    if (this.#isWriting || this.#isOver || batch.bytes + this.#restBytes === 0) return;
    // The stream is empty here: what goes through it is waited for like anything else.
    if (this.#direct !== undefined && this.#restBytes === 0 && batch.bytes <= maxJoinedBytes) {
      this.#batch = this.#context.flusher.empty;
      const status = writeDirectly(this.#direct, batch.joined(), this);
      if (status === 0) this.#releaseReading();
      else if (status < 0) this.#stream.destroy();
      else this.#beginWriting();
      return;
    }
    while (this.#batch.bytes + this.#restBytes > 0 && this.#stream.writableLength === 0) {
      if (this.#stream.destroyed) return;
      if (this.#restBytes === 0) this.#writeToStream();
      this.#giveRest(maxGivenBytes);
    }
    if (this.#stream.writableLength > 0) this.#watchStream();
    else this.#releaseReading();
  }

  /** Writes the batch, or makes it the rest where it is large. */
  #writeToStream(): void {
    const batch = this.#batch;
    if (batch.bytes === 0) return;
    this.#batch = this.#context.flusher.empty;
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
    this.#deadlines.blocked();
  }

  /** The stream's `drain` event keeps silent below its high-water mark; an empty write behind the rest does not. */
  #watchStream(): void {
    this.#beginWriting();
    this.#stream.write(nothing, () => {
      this.#isWriting = false;
      if (!this.#stream.destroyed) this.#written();
    });
  }

  #written(): void {
    this.#writeBatch();
    if (this.#isWriting) return;
    this.#deadlines.unblocked();
    this.#releaseReading();
    if (!this.#hasEnded) this.#owner.drained();
  }

  /** The system has taken everything. */
  #releaseReading(): void {
    if (!this.#isHeldUpByOutput) return;
    this.#isHeldUpByOutput = false;
    this.#updateReading();
  }

  #updateReading(): void {
    if (this.#connection.state !== "open") return;
    const isHeldUp = this.isReadingHeldUp;
    if (isHeldUp === this.#stream.isPaused()) return;
    if (isHeldUp) this.#stream.pause();
    else {
      this.#deadlines.received();
      this.#stream.resume();
    }
  }
}
