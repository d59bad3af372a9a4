/**
 * One WebSocket connection after its opening handshake (RFC 6455 §5–§7), either role, without I/O: bytes go in,
 * events and bytes to send come out. Knows no socket, no timer and no clock; the socket's owner writes what
 * `takeOutput` returns, ends the socket when `isFinished` says so, and gives up on a peer that does not answer.
 */
import { HoldfastError } from "../errors.js";
import type { ConnectionOptions } from "../options/websocket-options.js";
import { Compressor, Decompressor, type Deflate } from "./deflate.js";
import {
  CloseCode,
  clipReason,
  encodeFrame,
  type Fault,
  type FrameHeader,
  FrameReader,
  isControl,
  isFault,
  isSendableCloseCode,
  maxCloseReasonBytes,
  maxControlPayloadBytes,
  Opcode,
  parseClosePayload,
  randomMaskingKey,
} from "./frame.js";
import {
  MessageAssembler,
  type MessageData,
  type MessageEvent,
  PreparedMessage,
  resolveMessageLimits,
} from "./message.js";

export type Role = "server" | "client";

/** What a chunk of input amounted to, in order. */
export type ConnectionEvent =
  | MessageEvent
  | { readonly type: "ping" | "pong"; readonly data: Uint8Array }
  /** The peer's Close frame: code 1005 when it carried none. Nothing follows it. */
  | { readonly type: "close"; readonly code: number; readonly reason: string }
  /** The peer broke a rule and the connection was failed with this code. Nothing follows it. */
  | { readonly type: "fault"; readonly code: number; readonly reason: string };

/** Receives events as they occur. It may send, close and fail meanwhile; it must not pass in further bytes. */
export interface EventReceiver {
  receiveEvent(event: ConnectionEvent): void;
}

/**
 * - `open`: messages flow both ways
 * - `closing`: this side has sent its Close frame and waits for the peer's; further messages are dropped
 * - `closed`: nothing more is sent or delivered
 */
export type ConnectionState = "open" | "closing" | "closed";

/** How a connection ended. `wasClean` when both sides' Close frames were exchanged (RFC 6455 §7.1.4). */
export interface CloseStatus {
  readonly code: number;
  readonly reason: string;
  readonly wasClean: boolean;
}

/** The cost of a frame that carries little, in bytes of a plain message: about a microsecond. */
const frameCost = 1024;
/** Below this many bytes, a fragment's own cost counts. */
const smallFragmentBytes = 64;

const noEvents: readonly ConnectionEvent[] = Object.freeze([]);
const noOutput: readonly Buffer[] = Object.freeze([]);

/** One connection: `receive` and `receiveInto` take the peer's bytes, `takeOutput` gives those to write. */
export class WebSocketConnection {
  readonly role: Role;
  #state: ConnectionState = "open";
  #status: CloseStatus | undefined;
  readonly #reader: FrameReader;
  readonly #assembler: MessageAssembler;
  readonly #createMaskingKey: (() => number) | undefined;
  readonly #compressor: Compressor | undefined;
  readonly #decompressor: Decompressor | undefined;
  #events: ConnectionEvent[] | undefined;
  #receiver: EventReceiver | undefined;
  #output: Buffer[] = [];
  #sendingFragments = false;
  #hasPeerEnded = false;
  /** Since the last `takeOverhead`. */
  #overhead = 0;
  #maxOverhead = Number.POSITIVE_INFINITY;

  /**
   * @param deflate what the opening handshake agreed on; without it, reserved bits are refused
   * @throws HF_OPTION_INVALID when a bound is not a positive integer
   */
  constructor(role: Role, options: ConnectionOptions = {}, deflate?: Deflate) {
    const limits = resolveMessageLimits(options);
    this.role = role;
    if (deflate) {
      this.#compressor = compressorFor(role, deflate);
      this.#decompressor = decompressorFor(role, deflate);
    }
    this.#reader = new FrameReader(role === "server", deflate !== undefined);
    this.#assembler = new MessageAssembler(limits, this.#decompressor);
    this.#createMaskingKey = role === "client" ? (options.createMaskingKey ?? randomMaskingKey) : undefined;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** How the connection ended; undefined until `state` is `closed`. */
  get closeStatus(): CloseStatus | undefined {
    return this.#status;
  }

  /**
   * Whether this side should end the TCP connection once the output is written. RFC 6455 §7.1.1: the server ends it
   * first; a client waits for that, except after a fault of its peer (§7.1.7).
   */
  get isFinished(): boolean {
    if (this.#state !== "closed") return false;
    return this.role === "server" || this.#hasPeerEnded || this.#status?.wasClean === false;
  }

  /**
   * Takes bytes from the peer. The chunk belongs to the connection from then on: masked payloads are unmasked in
   * place. Binary messages are memory of their own.
   */
  receive(chunk: Uint8Array): readonly ConnectionEvent[] {
    this.#readFrames(chunk);
    const events = this.#events;
    this.#events = undefined;
    return events ?? noEvents;
  }

  /**
   * The same, event by event: the receiver may answer each before the next bytes are looked at, so that answers to what
   * came before a Close frame or a fault are still sent.
   * @param maxOverhead what may be spent now (`takeOverhead`); the rest of the bytes stays unread until the next call
   */
  receiveInto(
    chunk: Uint8Array,
    receiver: EventReceiver,
    maxOverhead: number = Number.POSITIVE_INFINITY,
  ): void {
    this.#receiver = receiver;
    this.#maxOverhead = maxOverhead;
    try {
      this.#readFrames(chunk);
    } finally {
      this.#receiver = undefined;
      this.#maxOverhead = Number.POSITIVE_INFINITY;
    }
  }

  /** Whether bytes that were received are left unread, because they would have cost more than `maxOverhead`. */
  get hasUnread(): boolean {
    return this.#reader.hasUnread;
  }

  /**
   * What the input since the last call cost beside plain messages, in bytes of these: control frames, small fragments, what
   * was decompressed, and whatever came after a Close frame. It bounds how fast a peer is read.
   */
  takeOverhead(): number {
    const overhead = this.#overhead;
    this.#overhead = 0;
    return overhead;
  }

  /** The peer ended its side of the TCP connection. Without a Close frame before, the status becomes 1006. */
  receiveEnd(): void {
    this.#hasPeerEnded = true;
    if (this.#state !== "closed") this.#finish(CloseCode.abnormal, "", false);
  }

  /** Bytes to write, in order; empties the queue. */
  takeOutput(): readonly Buffer[] {
    if (this.#output.length === 0) return noOutput;
    const output = this.#output;
    this.#output = [];
    return output;
  }

  /** Whether the peer has begun a frame or a message and not ended it. */
  get isMidMessage(): boolean {
    return this.#assembler.isMidMessage || this.#reader.isMidFrame;
  }

  /** @throws HF_WEBSOCKET_STATE when the connection is closing or closed, or between fragments */
  sendText(text: string): void {
    this.#output.push(this.encode(text));
  }

  /** @throws HF_WEBSOCKET_STATE when the connection is closing or closed, or between fragments */
  sendBinary(bytes: Uint8Array): void {
    this.#output.push(this.encode(bytes));
  }

  /**
   * The frame of a message, for callers that write it themselves: behind what `takeOutput` has, and before anything else. For a
   * server without context takeover, a prepared message gives the same bytes on every connection.
   * @throws HF_WEBSOCKET_STATE when the connection is closing or closed, or between fragments
   */
  encode(message: MessageData | PreparedMessage): Buffer {
    this.#assertCanSendData();
    const prepared = message instanceof PreparedMessage ? message : new PreparedMessage(message);
    if (this.#createMaskingKey === undefined) return prepared.frameFor(this.#compressor);
    const { opcode, payload } = prepared;
    const compressed = this.#compressor?.compress(payload);
    const isCompressed = compressed !== undefined;
    return encodeFrame(opcode, compressed ?? payload, true, this.#createMaskingKey(), isCompressed);
  }

  /**
   * Sends one fragment of a message (RFC 6455 §5.4), uncompressed; the first names the kind, the last is final.
   * Control frames may go in between, other messages may not. Fragments of text may cut characters.
   * @throws HF_WEBSOCKET_STATE when the connection is closing or closed
   */
  sendFragment(kind: "text" | "binary", bytes: Uint8Array, isFinal: boolean): void {
    this.#assertOpen();
    const opcode = this.#sendingFragments ? Opcode.continuation : Opcode[kind];
    this.#sendingFragments = !isFinal;
    this.#send(opcode, bytes, isFinal);
  }

  /** @throws HF_WEBSOCKET_ARGUMENT over 125 bytes, HF_WEBSOCKET_STATE when the connection is not open */
  sendPing(data: Uint8Array = Buffer.alloc(0)): void {
    this.#sendControl(Opcode.ping, data);
  }

  /** An unsolicited pong, a one-way heartbeat (RFC 6455 §5.5.3). Pings are answered automatically. */
  sendPong(data: Uint8Array = Buffer.alloc(0)): void {
    this.#sendControl(Opcode.pong, data);
  }

  /**
   * Starts the closing handshake (RFC 6455 §7.1.2). Nothing happens when it was started before.
   * @param code if omitted, the Close frame is empty
   * @param reason at most 123 bytes of UTF-8
   * @throws HF_WEBSOCKET_ARGUMENT when the code may not be sent or the reason is too long
   */
  close(code?: number, reason = ""): void {
    if (code === undefined && reason !== "")
      throw new HoldfastError("HF_WEBSOCKET_ARGUMENT", "a close reason needs a close code");
    if (code !== undefined) assertSendable(code);
    const reasonBytes = Buffer.from(reason);
    if (reasonBytes.length > maxCloseReasonBytes)
      throw new HoldfastError(
        "HF_WEBSOCKET_ARGUMENT",
        `a close reason may have at most ${maxCloseReasonBytes} bytes of UTF-8, not ${reasonBytes.length}`,
      );
    if (this.#state !== "open") return;
    this.#sendClose(code, reasonBytes);
    this.#state = "closing";
    this.#assembler.reset();
  }

  /**
   * Fails the connection for a reason found above this layer (RFC 6455 §7.1.7): Close frame, then no more input.
   * @throws HF_WEBSOCKET_ARGUMENT when the code may not be sent
   */
  fail(code: number, reason: string): void {
    assertSendable(code);
    if (this.#state === "closed") return;
    // The caller knows already.
    this.#receiver = undefined;
    this.#failWith({ code, reason });
    this.#events = undefined;
  }

  /** Looks at what was received, frame by frame, as far as `#maxOverhead` allows. */
  #readFrames(chunk: Uint8Array): void {
    if (this.#state !== "open") this.#overhead += chunk.length;
    if (this.#state === "closed") return;
    const reader = this.#reader;
    reader.push(chunk);
    while (this.#canReadOn()) {
      if (reader.frame === undefined) {
        const header = reader.readHeader();
        if (header === undefined) return;
        const fault = isFault(header) ? header : this.#startFrame(header);
        if (fault) {
          this.#failWith(fault);
          return;
        }
      }
      const frame = reader.frame as FrameHeader;
      if (this.#isSkipped(frame)) {
        if (!reader.skipPayload()) return;
        continue;
      }
      const piece = reader.readPayload();
      if (piece === undefined) return;
      const fault = isControl(frame.opcode)
        ? this.#receiveControl(frame.opcode, piece)
        : this.#receiveData(piece, frame.isFinal && reader.frame === undefined);
      if (fault) {
        this.#failWith(fault);
        return;
      }
    }
  }

  /** An event's receiver may have ended the connection, or the input may have used up what may be spent now. */
  #canReadOn(): boolean {
    return this.#state !== "closed" && this.#overhead < this.#maxOverhead;
  }

  /** RFC 6455 §1.4: after its Close frame an endpoint waits only for the peer's. */
  #isSkipped({ opcode }: FrameHeader): boolean {
    return this.#state === "closing" && opcode !== Opcode.close;
  }

  #startFrame(header: FrameHeader): Fault | undefined {
    if (this.#isSkipped(header)) {
      this.#overhead += frameCost;
      return undefined;
    }
    if (isControl(header.opcode)) return undefined;
    const isFragment = !header.isFinal || header.opcode === Opcode.continuation;
    if (isFragment && header.payloadBytes < smallFragmentBytes) this.#overhead += frameCost;
    return this.#assembler.startFrame(header);
  }

  #receiveData(piece: Uint8Array, isMessageEnd: boolean): Fault | undefined {
    const result = this.#assembler.push(piece, isMessageEnd);
    if (this.#decompressor !== undefined) this.#overhead += this.#assembler.takeExpansion();
    if (result === undefined) return undefined;
    if (isFault(result)) return result;
    this.#emit(result);
    return undefined;
  }

  #receiveControl(opcode: Opcode, payload: Uint8Array): Fault | undefined {
    if (opcode === Opcode.close) return this.#receiveClose(payload);
    this.#overhead += frameCost;
    if (opcode === Opcode.ping) {
      // RFC 6455 §5.5.2: a ping is answered, unless a Close frame was sent or received already.
      if (this.#state === "open") this.#send(Opcode.pong, payload, true);
      this.#emit({ type: "ping", data: payload });
    } else this.#emit({ type: "pong", data: payload });
    return undefined;
  }

  #receiveClose(payload: Uint8Array): Fault | undefined {
    const close = parseClosePayload(payload);
    if (close.type === "fault") return close;
    // RFC 6455 §5.5.1: the reply echoes the received code.
    if (this.#state === "open")
      this.#sendClose(close.code === CloseCode.noStatus ? undefined : close.code, Buffer.from(close.reason));
    this.#emit(close);
    this.#finish(close.code, close.reason, true);
    return undefined;
  }

  #failWith(fault: Fault): void {
    if (this.#state === "open") this.#sendClose(fault.code, clipReason(fault.reason));
    this.#emit({ type: "fault", code: fault.code, reason: fault.reason });
    this.#finish(fault.code, fault.reason, false);
  }

  #finish(code: number, reason: string, wasClean: boolean): void {
    this.#state = "closed";
    this.#status = { code, reason, wasClean };
    this.#reader.clear();
    this.#assembler.reset();
    this.#compressor?.close();
    this.#decompressor?.close();
  }

  #sendControl(opcode: Opcode, data: Uint8Array): void {
    this.#assertOpen();
    if (data.length > maxControlPayloadBytes)
      throw new HoldfastError(
        "HF_WEBSOCKET_ARGUMENT",
        `a control frame may carry at most ${maxControlPayloadBytes} bytes, not ${data.length}`,
      );
    this.#send(opcode, data, true);
  }

  #sendClose(code: number | undefined, reason: Uint8Array): void {
    const payload = Buffer.alloc(code === undefined ? 0 : 2 + reason.length);
    if (code !== undefined) {
      payload.writeUInt16BE(code);
      payload.set(reason, 2);
    }
    this.#send(Opcode.close, payload, true);
  }

  #send(opcode: Opcode, payload: Uint8Array, isFinal: boolean): void {
    this.#output.push(encodeFrame(opcode, payload, isFinal, this.#createMaskingKey?.()));
  }

  #assertOpen(): void {
    if (this.#state !== "open")
      throw new HoldfastError("HF_WEBSOCKET_STATE", `cannot send: the connection is ${this.#state}`);
  }

  #assertCanSendData(): void {
    this.#assertOpen();
    if (this.#sendingFragments)
      throw new HoldfastError("HF_WEBSOCKET_STATE", "a fragmented message must end before another message");
  }

  #emit(event: ConnectionEvent): void {
    if (this.#receiver !== undefined) {
      this.#receiver.receiveEvent(event);
      return;
    }
    this.#events ??= [];
    this.#events.push(event);
  }
}

function compressorFor(role: Role, { agreement, settings }: Deflate): Compressor {
  const isServer = role === "server";
  const bits = isServer ? agreement.serverMaxWindowBits : agreement.clientMaxWindowBits;
  const isWithoutContext = isServer ? agreement.serverNoContextTakeover : agreement.clientNoContextTakeover;
  return isWithoutContext ? Compressor.shared(settings, bits) : Compressor.own(settings, bits);
}

function decompressorFor(role: Role, { agreement }: Deflate): Decompressor {
  const isServer = role === "server";
  const bits = isServer ? agreement.clientMaxWindowBits : agreement.serverMaxWindowBits;
  const isWithoutContext = isServer ? agreement.clientNoContextTakeover : agreement.serverNoContextTakeover;
  return isWithoutContext ? Decompressor.shared() : Decompressor.own(bits);
}

function assertSendable(code: number): void {
  if (isSendableCloseCode(code)) return;
  throw new HoldfastError(
    "HF_WEBSOCKET_ARGUMENT",
    `close code ${code} may not be sent; use 1000–1003, 1007–1014 or 3000–4999`,
  );
}
