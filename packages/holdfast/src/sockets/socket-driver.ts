/**
 * Drives one WebSocket connection of the engine over a stream of Node.js: TCP, TLS or one stream of HTTP/2. Reads, writes what
 * the engine answers, pauses reading, and ends the stream. What messages mean is the owner's; how bytes are written is
 * output.ts, and what is due when is socket-timeouts.ts.
 */
import type { Duplex } from "node:stream";
import type { DeadlineHolder } from "../time/deadlines.js";
import { type InputOwner, InputRate } from "../time/token-bucket.js";
import {
  type CloseStatus,
  type ConnectionEvent,
  type EventReceiver,
  type Role,
  WebSocketConnection,
} from "../websocket/connection.js";
import type { Deflate } from "../websocket/deflate.js";
import type { MessageData, PreparedMessage } from "../websocket/message.js";
import { type Flusher, Output } from "./output.js";
import { type DetachedSocket, detachSocket, isDetachable } from "./passed-socket.js";
import { SocketTimeouts, type TimeoutsContext } from "./socket-timeouts.js";

/** What all connections of a server or client share. */
export interface DriverContext extends TimeoutsContext {
  readonly flusher: Flusher;
}

/** Receives what happens on the connection. Nothing is reported after `closed`. */
export interface SocketOwner {
  /** A message of the peer. Bytes may be a view of memory that nothing else uses any more. */
  receive(data: MessageData): void;
  /** Everything sent was handed to the operating system, after some of it had to wait. */
  drained(): void;
  /** No more messages will come: the peer has closed, violated the protocol (`fault`), or the socket is gone. */
  ended(fault: string | undefined): void;
  /** The socket is gone. Called once. */
  closed(status: CloseStatus): void;
  receivePing?(data: Uint8Array): void;
  receivePong?(data: Uint8Array): void;
}

/** Work besides plain messages that is done before others get their turn: about a millisecond. */
const maxOverheadPerTurn = 256 * 1024;
/**
 * Bytes read before others get their turn. The system hands over up to 32 times as much of one socket before it looks at
 * another (libuv), and all of it would be parsed before others get their turn.
 */
const maxBytesPerTurn = 64 * 1024;
const emptyBytes = Buffer.alloc(0);
const abnormalClosure: CloseStatus = Object.freeze({ code: 1006, reason: "", wasClean: false });

/** One connection on its stream. */
export class SocketDriver implements EventReceiver, InputOwner, DeadlineHolder {
  /** DeadlineHolder. */
  dueTick = 0;
  readonly #stream: Duplex;
  readonly #connection: WebSocketConnection;
  readonly #context: DriverContext;
  readonly #owner: SocketOwner;
  readonly #timeouts: SocketTimeouts;
  readonly #output: Output;
  #isPausedByOwner = false;
  #isPausedByIterator = false;
  /** Reading is paused until the peer has read some of its output. */
  #isPausedByOutput = false;
  /** Reading is paused until its rate allows more, or others have had their turn. */
  #isPausedByWork = false;
  /** Bytes read since others had their turn. */
  #turnBytes = 0;
  /** Created when there is something to count. */
  #overheadRate: InputRate | undefined;
  /** Whether a message has ended in the chunk that is being received. */
  #hasMessage = false;
  /** Of the last message that was sent. */
  #lastBytes = 0;
  #hasEnded = false;
  /** The owner has ended the connection: it gets no more messages. */
  #ignoresInput = false;

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
    this.#output = new Output(stream, context.flusher, this);
    this.#timeouts = new SocketTimeouts(context, this);
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#connection.state === "open" && !this.#stream.destroyed;
  }

  /**
   * Bytes that the operating system has not taken yet, frame headers included. Whoever has seen that there are some is told
   * by `drained` when there are none left.
   */
  get unsentBytes(): number {
    const { unsentBytes } = this.#output;
    if (unsentBytes > 0) this.#output.awaitDrain();
    return unsentBytes;
  }

  /** Bytes of the write in progress that the operating system has not taken. */
  get bytesInFlight(): number {
    return this.#output.bytesInFlight;
  }

  get isReadPaused(): boolean {
    return (
      this.#isPausedByOwner || this.#isPausedByIterator || this.#isPausedByOutput || this.#isPausedByWork
    );
  }

  /** Whether reading was throttled since the last call, because the peer caused too much work. */
  consumeThrottled(): boolean {
    return this.#overheadRate?.consumeThrottled() ?? false;
  }

  /** Starts reading. @param head bytes that came with the handshake */
  start(head: Uint8Array): void {
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    stream.on("end", () => this.#receiveEnd());
    // Whatever the error, `close` follows.
    stream.on("error", () => {});
    stream.on("close", () => this.#streamClosed());
    this.#timeouts.start(this);
    this.#output.start();
    if (head.length > 0) this.#receive(Buffer.from(head));
  }

  /**
   * Sends a message in this turn's write.
   * @throws HF_WEBSOCKET_STATE when the connection is not open
   */
  send(message: MessageData | PreparedMessage): void {
    const output = this.#output;
    const frame = this.#connection.encode(message);
    this.#lastBytes = frame.length;
    output.queue(frame);
    if (output.isWriting || output.waitingBytes > this.#context.settings.maxUnsentBytes) this.#checkUnsent();
  }

  /** Sends a ping in this turn's write. @throws HF_WEBSOCKET_ARGUMENT over 125 bytes */
  ping(data?: Uint8Array): void {
    if (!this.isOpen) return;
    this.#connection.sendPing(data);
    this.#queueAnswers();
  }

  /** Writes frames at once, for owners that batch themselves. Nothing is written unless the connection is open. */
  write(frames: readonly Uint8Array[]): void {
    if (this.isOpen) this.#output.write(frames);
  }

  /** Writes a ping at once. */
  writePing(): void {
    if (!this.isOpen) return;
    this.#connection.sendPing();
    this.#output.write(this.#connection.takeOutput());
  }

  /** Starts the closing handshake. @throws HF_WEBSOCKET_ARGUMENT when code or reason are not accepted */
  close(code?: number, reason?: string): void {
    this.#connection.close(code, reason);
    this.#ignoresInput = true;
    this.#followState();
  }

  /** Fails the connection with a code: Close frame, then the end. */
  fail(code: number, reason: string): void {
    this.#connection.fail(code, reason);
    this.#ignoresInput = true;
    this.#end();
  }

  /** Whether the stream is one that another process can go on with. */
  get isDetachable(): boolean {
    return isDetachable(this.#stream);
  }

  /** Whether the peer has begun a message or frame and not ended it. */
  get isMidMessage(): boolean {
    return this.#connection.isMidMessage || this.#connection.hasUnread;
  }

  /** Takes the connection off its stream. @returns undefined while a message has begun, or bytes are unsent */
  detach(): DetachedSocket | undefined {
    const isIdle =
      this.isOpen && !this.isMidMessage && !this.#output.isWriting && this.#output.unsentBytes === 0;
    const detached = isIdle ? detachSocket(this.#stream) : undefined;
    if (detached) this.#hasEnded = true;
    return detached;
  }

  /** Ends the connection at once, without a Close frame. */
  terminate(): void {
    this.#ignoresInput = true;
    this.#stream.destroy();
  }

  /** Pauses reading. Input already read may still arrive. */
  pauseReading(): void {
    this.#isPausedByOwner = true;
    this.#updateReading();
  }

  resumeReading(): void {
    this.#isPausedByOwner = false;
    this.#updateReading();
  }

  /** The same for a loop over messages, independent of the owner's pauses. */
  holdReading(isHeld: boolean): void {
    this.#isPausedByIterator = isHeld;
    this.#updateReading();
  }

  /** EventReceiver: events of the input, in order. */
  receiveEvent(event: ConnectionEvent): void {
    // The engine's answers, such as pongs, precede the owner's answers to later input.
    this.#queueAnswers();
    if (event.type === "text" || event.type === "binary") {
      this.#hasMessage = true;
      // The owner may have ended the connection over an earlier message.
      if (!this.#ignoresInput) this.#owner.receive(event.type === "text" ? event.text : event.data);
    } else if (event.type === "ping") this.#owner.receivePing?.(event.data);
    else if (event.type === "pong") this.#owner.receivePong?.(event.data);
    else if (event.type === "fault") this.#notifyEnded(event.reason);
  }

  /** A write has started that the operating system has not taken completely; the previous one, if any, has been. */
  writeBlocked(): void {
    this.#timeouts.blocked(this.bytesInFlight);
  }

  /** A write that was in progress has been taken. A peer that reads may be read from, one read for each write. */
  writeProgressed(): void {
    if (!this.#isPausedByOutput) return;
    this.#isPausedByOutput = false;
    this.#updateReading();
  }

  /** Everything has been taken, after it was blocked or awaited. */
  writeDrained(): void {
    this.#timeouts.unblocked();
    this.writeProgressed();
    if (!this.#hasEnded) this.#owner.drained();
  }

  /** InputOwner. */
  inputCaughtUp(): void {
    this.#readOn();
  }

  /** DeadlineHolder. */
  onDeadline(asOf: number): void {
    const due = this.#timeouts.check(asOf, this);
    if (due === undefined) return;
    if (due.type === "ping") this.ping();
    else if (due.type === "terminate") this.terminate();
    else this[due.type](due.code, due.reason);
  }

  #receive(chunk: Buffer): void {
    this.#timeouts.received();
    this.#hasMessage = false;
    try {
      this.#connection.receiveInto(chunk, this, maxOverheadPerTurn);
    } catch (error) {
      // The rest of the chunk is lost, and with it the connection.
      this.#stream.destroy();
      throw error;
    }
    const overhead = this.#connection.takeOverhead();
    if (overhead > 0) this.#charge(overhead);
    this.#turnBytes += chunk.length;
    if (this.#turnBytes >= maxBytesPerTurn) this.#yieldTurn();
    this.#followState();
    if (this.#connection.state !== "open") return;
    this.#timeouts.messages(this.#hasMessage, this.#connection.isMidMessage);
    const { holdReadingAboveBytes } = this.#context.settings;
    if (holdReadingAboveBytes === null || this.#output.unsentBytes <= holdReadingAboveBytes) return;
    this.#isPausedByOutput = true;
    this.#output.awaitDrain();
    this.#updateReading();
  }

  #charge(overhead: number): void {
    const { clock, settings } = this.#context;
    const { overheadBytesPerSecond: perSecond, overheadByteBurst: burst } = settings;
    if (perSecond !== null) {
      this.#overheadRate ??= new InputRate(this, { perSecond, burst, clock });
      this.#overheadRate.receive(overhead);
    }
    const isThrottled = this.#overheadRate?.isThrottled ?? false;
    this.#isPausedByWork = isThrottled || this.#connection.hasUnread;
    if (this.#isPausedByWork && !isThrottled) setImmediate(() => this.#readOn());
    this.#updateReading();
  }

  #yieldTurn(): void {
    this.#turnBytes = 0;
    if (this.#isPausedByWork) return;
    this.#isPausedByWork = true;
    setImmediate(() => this.#readOn());
    this.#updateReading();
  }

  /** Reads the rest of the last chunk, then new input. */
  #readOn(): void {
    if (this.#stream.destroyed || this.#overheadRate?.isThrottled) return;
    this.#isPausedByWork = false;
    if (this.#connection.hasUnread) this.#receive(emptyBytes);
    this.#updateReading();
  }

  #receiveEnd(): void {
    this.#connection.receiveEnd();
    this.#followState();
  }

  /** Queues the engine's output: pongs, Close frames, pings. */
  #queueAnswers(): void {
    for (const frame of this.#connection.takeOutput()) this.#output.queue(frame);
  }

  #followState(): void {
    this.#queueAnswers();
    const { state } = this.#connection;
    if (state === "closed") this.#end();
    else if (state === "closing") {
      // Further input is dropped until the peer's Close frame.
      this.#updateReading();
      this.#timeouts.closing();
    } else this.#checkUnsent();
  }

  /** The connection has ended: sends what is left, and ends the socket in bounded time. */
  #end(): void {
    this.#queueAnswers();
    if (this.#connection.isFinished) this.#output.end();
    this.#notifyEnded(undefined);
    // Closing over unread bytes would reset the connection, and the Close frame could be lost with it.
    this.#updateReading();
    this.#timeouts.closing();
  }

  #streamClosed(): void {
    this.#timeouts.stop();
    this.#overheadRate?.stop();
    this.#connection.receiveEnd();
    this.#output.clear();
    this.#notifyEnded(undefined);
    this.#owner.closed(this.#connection.closeStatus ?? abnormalClosure);
  }

  #notifyEnded(fault: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#owner.ended(fault);
  }

  #checkUnsent(): void {
    const { maxUnsentBytes } = this.#context.settings;
    // Bytes before the last message count, so that one message larger than the limit can be sent.
    const unsentBytes = this.#output.unsentBytes - this.#lastBytes;
    if (unsentBytes <= maxUnsentBytes || this.#connection.state !== "open") return;
    this.#connection.fail(1008, `${unsentBytes} unsent bytes, more than the limit of ${maxUnsentBytes}`);
    this.#stream.destroy();
  }

  /** Once the connection has begun to close, only its rate pauses reading. */
  #updateReading(): void {
    const isPaused = this.#connection.state === "open" ? this.isReadPaused : this.#isPausedByWork;
    if (isPaused === this.#stream.isPaused()) return;
    if (isPaused) this.#stream.pause();
    else {
      this.#timeouts.received();
      this.#stream.resume();
    }
  }
}
