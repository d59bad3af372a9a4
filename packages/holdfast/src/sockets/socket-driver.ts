/**
 * Drives one WebSocket connection of the engine over a stream of Node.js: TCP, TLS or one stream of HTTP/2. Moves bytes
 * both ways and keeps the bounds in time and size. What messages mean is the owner's.
 */
import type { Duplex } from "node:stream";
import { type InputOwner, InputRate } from "../time/input-rate.js";
import {
  type CloseStatus,
  type ConnectionEvent,
  type Deflate,
  type EventReceiver,
  type MessageData,
  type PreparedMessage,
  type Role,
  WebSocketConnection,
} from "../websocket/index.js";
import type { DriverContext } from "./driver-context.js";
import { DriverDeadlines, type TimedDriver } from "./driver-deadlines.js";
import { type OutputOwner, OutputWriter } from "./output-writer.js";

/** What the driver reports to. Nothing is reported after `closed`. */
export interface SocketOwner {
  /** A message of the peer. Bytes may be a view of memory that nothing else uses any more. */
  receive(data: MessageData): void;
  /** Everything given to the driver has been taken by the operating system, after it had not for a while. */
  drained(): void;
  /** No more messages will come: the peer has closed, or broke a rule, which is said then, or the socket is gone. */
  ended(fault: string | undefined): void;
  /** The socket is gone. Called once. */
  closed(status: CloseStatus): void;
  receivePing?(data: Uint8Array): void;
  receivePong?(data: Uint8Array): void;
}

/** Of work beside plain messages, what is done at a stretch before others get their turn: about a millisecond. */
const maxOverheadAtOnce = 256 * 1024;
/**
 * Of everything, what is read at a stretch. The system hands over up to 32 times as much of one socket before it looks at
 * another (libuv), and all of it would be parsed before others get their turn.
 */
const maxBytesAtOnce = 64 * 1024;
const noMore = Buffer.alloc(0);
const gone: CloseStatus = Object.freeze({ code: 1006, reason: "", wasClean: false });

export class SocketDriver implements EventReceiver, InputOwner, OutputOwner, TimedDriver {
  readonly #stream: Duplex;
  readonly #connection: WebSocketConnection;
  readonly #context: DriverContext;
  readonly #owner: SocketOwner;
  readonly #deadlines: DriverDeadlines;
  readonly #output: OutputWriter;
  #isHeldUpByOwner = false;
  #isHeldUpByLoop = false;
  #isHeldUpByOutput = false;
  /** Until what has come is paid off, or its rest is looked at. */
  #isHeldUpByWork = false;
  /** Since others have had their turn. */
  #bytesAtOnce = 0;
  /** Made when there is something to count. */
  #overheadRate: InputRate | undefined;
  /** Whether a message has ended in the chunk that is being received. */
  #hasMessage = false;
  /** Of the last message that was sent. */
  #lastBytes = 0;
  #hasEnded = false;
  /** The owner has ended the connection: it is given no more messages. */
  #isDeaf = false;

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
    this.#output = new OutputWriter(stream, context.flusher, this);
    this.#deadlines = new DriverDeadlines(this, context);
  }

  get connection(): WebSocketConnection {
    return this.#connection;
  }

  /** Whether messages can be sent. */
  get isOpen(): boolean {
    return this.#connection.state === "open" && !this.#stream.destroyed;
  }

  /**
   * Bytes that the operating system has not taken yet, frame headers included. Who has seen that there are some is told
   * by `drained` when there are none left.
   */
  get unsentBytes(): number {
    const { unsentBytes } = this.#output;
    if (unsentBytes > 0) this.#output.awaitTaken();
    return unsentBytes;
  }

  get bytesUnderWay(): number {
    return this.#output.bytesUnderWay;
  }

  get isReadingHeldUp(): boolean {
    return this.#isHeldUpByOwner || this.#isHeldUpByLoop || this.#isHeldUpByOutput || this.#isHeldUpByWork;
  }

  /** Whether the peer's input was held back since this was asked last, for it made too much work. */
  takeHasBeenSlowed(): boolean {
    return this.#overheadRate?.takeHasHeldUp() ?? false;
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

  /** Sends what was put into the engine directly: pings, fragments. */
  sendOutput(): void {
    for (const frame of this.#connection.takeOutput()) this.#output.queue(frame);
  }

  /** Writes frames at once: for owners that gather for themselves. Nothing is written unless the connection is open. */
  write(frames: readonly Uint8Array[]): void {
    if (this.isOpen) this.#output.write(frames);
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
    this.#end();
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

  /** The same for a loop over messages, whose needs do not undo the owner's. */
  holdReading(isHeldUp: boolean): void {
    this.#isHeldUpByLoop = isHeldUp;
    this.#updateReading();
  }

  /** EventReceiver: what came, in order. */
  receiveEvent(event: ConnectionEvent): void {
    // Answers of the engine, as to a ping, come before those of the owner to what follows.
    this.sendOutput();
    if (event.type === "text" || event.type === "binary") {
      this.#hasMessage = true;
      // The owner may have ended the connection over a message before this one.
      if (!this.#isDeaf) this.#owner.receive(event.type === "text" ? event.text : event.data);
    } else if (event.type === "ping") this.#owner.receivePing?.(event.data);
    else if (event.type === "pong") this.#owner.receivePong?.(event.data);
    else if (event.type === "fault") this.#tellEnded(event.reason);
  }

  /** OutputOwner. */
  blocked(): void {
    this.#deadlines.blocked();
  }

  /** OutputOwner: a peer that takes something may say something, one read for each write. */
  progressed(): void {
    if (!this.#isHeldUpByOutput) return;
    this.#isHeldUpByOutput = false;
    this.#updateReading();
  }

  /** OutputOwner. */
  taken(): void {
    this.#deadlines.unblocked();
    this.progressed();
    if (!this.#hasEnded) this.#owner.drained();
  }

  /** InputOwner. */
  inputCaughtUp(): void {
    this.#readOn();
  }

  #receive(chunk: Buffer): void {
    this.#deadlines.received();
    this.#hasMessage = false;
    try {
      this.#connection.receiveInto(chunk, this, maxOverheadAtOnce);
    } catch (error) {
      // The rest of the chunk is lost, and with it the connection.
      this.#stream.destroy();
      throw error;
    }
    const overhead = this.#connection.takeOverhead();
    if (overhead > 0) this.#charge(overhead);
    this.#bytesAtOnce += chunk.length;
    if (this.#bytesAtOnce >= maxBytesAtOnce) this.#letOthers();
    this.#afterOutput();
    if (this.#connection.state !== "open") return;
    this.#deadlines.messages(this.#hasMessage, this.#connection.isMidMessage);
    const { holdReadingAboveBytes } = this.#context.settings;
    if (holdReadingAboveBytes === null || this.#output.unsentBytes <= holdReadingAboveBytes) return;
    this.#isHeldUpByOutput = true;
    this.#output.awaitTaken();
    this.#updateReading();
  }

  #charge(overhead: number): void {
    const { clock, settings } = this.#context;
    const { overheadBytesPerSecond: perSecond, overheadByteBurst: burst } = settings;
    if (perSecond !== null) {
      this.#overheadRate ??= new InputRate(this, { perSecond, burst, clock });
      this.#overheadRate.receive(overhead);
    }
    const isOver = this.#overheadRate?.isOver ?? false;
    this.#isHeldUpByWork = isOver || this.#connection.hasUnread;
    if (this.#isHeldUpByWork && !isOver) setImmediate(() => this.#readOn());
    this.#updateReading();
  }

  #letOthers(): void {
    this.#bytesAtOnce = 0;
    if (this.#isHeldUpByWork) return;
    this.#isHeldUpByWork = true;
    setImmediate(() => this.#readOn());
    this.#updateReading();
  }

  /** Looks at what was left of the last chunk, then at what comes. */
  #readOn(): void {
    if (this.#stream.destroyed || this.#overheadRate?.isOver) return;
    this.#isHeldUpByWork = false;
    if (this.#connection.hasUnread) this.#receive(noMore);
    this.#updateReading();
  }

  #receiveEnd(): void {
    this.#connection.receiveEnd();
    this.#afterOutput();
  }

  /** Takes what the engine has to say, and follows its state. */
  #afterOutput(): void {
    this.sendOutput();
    const { state } = this.#connection;
    if (state === "closed") this.#end();
    else if (state === "closing") {
      // What the peer still sends is dropped, until its Close frame comes.
      this.#updateReading();
      this.#deadlines.closing();
    } else this.#checkUnsent();
  }

  /** The connection is over: what is left is sent, and the socket ends within a bound. */
  #end(): void {
    this.sendOutput();
    if (this.#connection.isFinished) this.#output.end();
    this.#tellEnded(undefined);
    // Closing over unread bytes would reset the connection, and the Close frame could be lost with it.
    this.#updateReading();
    this.#deadlines.closing();
  }

  #gone(): void {
    this.#deadlines.stop();
    this.#overheadRate?.stop();
    this.#connection.receiveEnd();
    this.#output.clear();
    this.#tellEnded(undefined);
    this.#owner.closed(this.#connection.closeStatus ?? gone);
  }

  #tellEnded(fault: string | undefined): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#owner.ended(fault);
  }

  #checkUnsent(): void {
    const { maxUnsentBytes } = this.#context.settings;
    // What waited before the last message counts, so that one larger than the limit can be sent.
    const unsentBytes = this.#output.unsentBytes - this.#lastBytes;
    if (unsentBytes <= maxUnsentBytes || this.#connection.state !== "open") return;
    this.#connection.fail(
      1008,
      `${unsentBytes} bytes wait to be read, more than the limit of ${maxUnsentBytes}`,
    );
    this.#stream.destroy();
  }

  /** Once the connection has begun to close, nothing but its rate holds its input back. */
  #updateReading(): void {
    const isHeldUp = this.#connection.state === "open" ? this.isReadingHeldUp : this.#isHeldUpByWork;
    if (isHeldUp === this.#stream.isPaused()) return;
    if (isHeldUp) this.#stream.pause();
    else {
      this.#deadlines.received();
      this.#stream.resume();
    }
  }
}
