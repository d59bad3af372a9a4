/**
 * A session over a streaming response, over HTTP/1.1 or HTTP/2: begun once, written for as long as it lasts with one write pending at a
 * time, ended within a bounded time. How commands come, and what the client reads, is for the transports made of it.
 */
import type { ServerResponse } from "node:http";
import type { Encoding } from "../channels/batches.js";
import type { PeerPlace } from "../requests/addresses.js";
import type { HeaderFields } from "../requests/origins.js";
import { type HttpRefusal, sendRefusal } from "../requests/refusals.js";
import type { ConnectionRequest } from "../sessions/identity.js";
import type { Transport, TransportEvents } from "../sessions/transport.js";
import { isGone, isHttp2Response } from "../sockets/open-request.js";
import { handOver } from "../sockets/request-bounds.js";
import type { Clock } from "../time/clock.js";
import type { Encoded, Encoder } from "../wire/codec.js";
import { type Disconnect, disconnect, errorTable } from "../wire/codes.js";
import type { Command, ConnectParams, Push, Reply } from "../wire/messages.js";
import type { AdmittedConnection, Peer } from "./admission.js";

/** How the response looks. */
export interface StreamFormat<E extends Encoder = Encoder> {
  readonly name: string;
  readonly encoding: Encoding<E>;
  readonly contentType: string;
  /** Written first, for clients that wait for bytes. */
  readonly prologue?: string;
}

export interface StreamTimes {
  readonly clock: Clock;
  /** For the peer to take the rest once the response is ended. */
  readonly closeTimeoutMs: number;
}

/** What a transport needs of its session. */
export interface StreamSession extends TransportEvents {
  close(reason: Disconnect): void;
}

/** Proxies must not store, buffer or compress it. RFC 9111 §5.2.2; X-Accel-Buffering is nginx's. */
const unbuffered = Object.freeze({
  "Cache-Control": "private, no-cache, no-store, no-transform, must-revalidate, max-age=0",
  "X-Accel-Buffering": "no",
  Pragma: "no-cache",
  "X-Content-Type-Options": "nosniff",
});

export abstract class StreamTransport implements Transport, AdmittedConnection {
  readonly name: string;
  readonly encoding: Encoding;
  readonly place: PeerPlace | undefined;
  /** Undefined before the start and after the end. */
  protected session: StreamSession | undefined;
  readonly #response: ServerResponse;
  readonly #writer: ResponseWriter;
  readonly #times: StreamTimes;
  readonly #onGone: (transport: AdmittedConnection) => void;
  #request: ConnectionRequest | undefined;
  #cancelTimeout: (() => void) | undefined;

  /** @param onGone called once the response has ended */
  constructor(
    response: ServerResponse,
    { name, encoding }: Pick<StreamFormat, "name" | "encoding">,
    { place, request }: Peer,
    times: StreamTimes,
    onGone: (transport: AdmittedConnection) => void,
  ) {
    this.name = name;
    this.encoding = encoding;
    this.place = place;
    this.#request = request;
    this.#response = response;
    this.#times = times;
    this.#onGone = onGone;
    this.#writer = new ResponseWriter(response, () => this.drained());
    // Sessions bound what they hold, and all of them together (`HeldBytes`).
    handOver(response);
    // Over HTTP/2, a stream that its client reset without an error closes only once its body is read to the end.
    response.req?.resume();
    response.once("close", () => this.#gone());
  }

  get unsentBytes(): number {
    return this.#writer.unsentBytes;
  }

  /** Forgets it, to keep connections small. */
  takeRequest(): ConnectionRequest {
    const request = this.#request ?? { headers: {}, url: "/", address: "" };
    this.#request = undefined;
    return request;
  }

  write(parts: readonly Uint8Array[]): void {
    if (!isGone(this.#response)) this.#writer.write(parts);
  }

  abstract pauseReading(): void;
  abstract resumeReading(): void;

  close({ code, reason }: Disconnect): void {
    const { codec, frame } = this.encoding;
    this.release();
    this.endWith(frame(codec.encodePush({ kind: "disconnect", code, reason })));
  }

  destroy(): void {
    this.release();
    this.#cut();
  }

  protected get isBegun(): boolean {
    return this.#response.headersSent;
  }

  /** Sends the head, with status 200. */
  protected begin(headers: HeaderFields): void {
    const response = this.#response;
    if (isGone(response)) return;
    // RFC 9113 §8.2.2: HTTP/2 has no Connection.
    const connection = isHttp2Response(response) ? {} : { Connection: "close" };
    // Silence between pings is expected; sessions watch their peers themselves.
    if (!isHttp2Response(response)) response.socket?.setTimeout(0);
    response.writeHead(200, { ...unbuffered, ...connection, ...headers });
    response.flushHeaders();
  }

  /** Ends the response after what was written and a last part; drops what the peer does not take in time. */
  protected endWith(part: Uint8Array): void {
    if (isGone(this.#response)) return;
    this.#writer.write([part]);
    this.#limitEnd();
    this.#writer.end();
  }

  /** Answers with a refusal instead of a stream. Only before it is begun. */
  protected refuse(refusal: HttpRefusal, headers: HeaderFields): void {
    if (isGone(this.#response)) return;
    this.#limitEnd();
    sendRefusal(this.#response, refusal, headers);
  }

  /** Everything written was taken. */
  protected drained(): void {
    this.session?.drained();
  }

  /** The session and the transport are done with each other. */
  protected release(): void {
    this.session = undefined;
  }

  #gone(): void {
    this.#cancelTimeout?.();
    this.#writer.clear();
    const { session } = this;
    this.release();
    session?.closed();
    this.#onGone(this);
  }

  #limitEnd(): void {
    const { clock, closeTimeoutMs } = this.#times;
    this.#cancelTimeout ??= clock.setTimer(() => this.#cut(), closeTimeoutMs);
  }

  #cut(): void {
    const response = this.#response;
    if (isHttp2Response(response)) response.stream.destroy();
    else response.destroy();
  }
}

/**
 * Sessions of clients that only read: the transport issues commands on the client's behalf. Nobody answers pings, so bytes that the
 * operating system takes count as an answer.
 */
export abstract class OneWayTransport extends StreamTransport {
  readonly hasOwnPings = true;
  #awaitsPong = false;

  sendPing(): void {
    if (!this.isBegun) return;
    const { codec, frame } = this.encoding;
    this.#awaitsPong = true;
    this.write([frame(codec.encodePing())]);
    // The session starts to wait for the answer once this has returned.
    setImmediate(() => this.#answerPing());
  }

  /** There is no input to pause. */
  pauseReading(): void {}

  resumeReading(): void {}

  protected override drained(): void {
    this.#answerPing();
    super.drained();
  }

  #answerPing(): void {
    if (!this.#awaitsPong || this.unsentBytes > 0) return;
    this.#awaitsPong = false;
    this.session?.receivePong();
  }
}

/** Errors of the connect command as ends of the connection; any other is the server's fault. */
const disconnectByError: Readonly<Record<number, Disconnect>> = {
  [errorTable.tokenExpired.code]: disconnect("connectionExpired"),
  [errorTable.expired.code]: disconnect("connectionExpired"),
  [errorTable.tooManyRequests.code]: disconnect("tooManyRequests"),
  [errorTable.permissionDenied.code]: disconnect("permissionDenied"),
};

/** For SDKs: messages of the client protocol, of channels that the server subscribes the client to. */
export class OneWaySdkTransport extends OneWayTransport {
  /** @param connect the connect command */
  start(
    session: StreamSession,
    { contentType, prologue }: StreamFormat,
    connect: Command,
    {
      headers,
      pingSeconds,
      inputLength,
    }: { readonly headers: HeaderFields; readonly pingSeconds: number; readonly inputLength: number },
  ): void {
    this.session = session;
    this.begin({ "Content-Type": contentType, ...headers });
    if (prologue !== undefined) this.write([Buffer.from(prologue)]);
    session.execute(connect, (reply) => this.#takeReply(reply, pingSeconds), inputLength);
  }

  /** @param pingSeconds between pings, for clients that watch them */
  #takeReply(reply: Reply, pingSeconds: number): Encoded | undefined {
    const pushed = toConnectPush(reply);
    if (pushed === undefined) return undefined;
    if ("code" in pushed) {
      this.session?.close(pushed);
      return undefined;
    }
    return this.encoding.codec.encodePush({ ...pushed, result: { ...pushed.result, ping: pingSeconds } });
  }
}

/** The reply to connect, for a client that reads pushes only: a push, or the end of the connection. */
export function toConnectPush(reply: Reply): Extract<Push, { kind: "connect" }> | Disconnect | undefined {
  if ("error" in reply) {
    const { code, message } = reply.error;
    return disconnectByError[code] ?? disconnect("internalError", message);
  }
  return reply.method === "connect" ? { kind: "connect", result: reply.result } : undefined;
}

/** Invalid parameters are answered by the session, as those of any command. */
export function toConnectCommand(params: ConnectParams | string): Command {
  if (typeof params === "string") return { method: "invalid", id: 1, message: params };
  return { method: "connect", id: 1, params };
}

/** What is used of a response, over HTTP/1.1 or HTTP/2. */
type WritableResponse = Pick<ServerResponse, "write" | "end" | "writableLength" | "socket">;

/** Bytes of one write. */
const maxWriteBytes = 64 * 1024;

export class ResponseWriter {
  readonly #response: WritableResponse;
  readonly #onTaken: () => void;
  #queue: Uint8Array[] = [];
  #queuedBytes = 0;
  /** Of the pending write; 0 if there is none. */
  #pendingBytes = 0;
  #writes = 0;
  /** Whether something was queued since everything was last taken. */
  #hasQueued = false;
  #isEnding = false;
  #isOver = false;

  /** @param onTaken called when everything is taken, after a write left something unsent */
  constructor(response: WritableResponse, onTaken: () => void) {
    this.#response = response;
    this.#onTaken = onTaken;
  }

  /**
   * Bytes that the operating system has not taken yet. A pending write does not count as long as nothing is queued behind
   * it: some versions of Node.js, and HTTP/2, take every write a moment later.
   */
  get unsentBytes(): number {
    return this.#hasQueued ? this.#queuedBytes + this.#pendingBytes : 0;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#isEnding || this.#isOver) return;
    for (const part of parts) this.#add(part);
    this.#writeQueued();
    if (this.#queuedBytes > 0) this.#hasQueued = true;
  }

  /** Ends the response after what was written. */
  end(): void {
    if (this.#isEnding || this.#isOver) return;
    this.#isEnding = true;
    this.#writeQueued();
  }

  /** The response is gone. */
  clear(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#pendingBytes = 0;
  }

  #add(part: Uint8Array): void {
    this.#queuedBytes += part.length;
    for (let at = 0; at < part.length; at += maxWriteBytes)
      this.#queue.push(part.length <= maxWriteBytes ? part : part.subarray(at, at + maxWriteBytes));
  }

  #writeQueued(): void {
    while (this.#pendingBytes === 0 && this.#queue.length > 0) this.#write(this.#takePiece());
    if (this.#pendingBytes > 0 || !this.#isEnding || this.#isOver) return;
    this.#isOver = true;
    this.#response.end();
  }

  /** Up to the bytes of one write: whole parts in one chunk, since some clients decode each chunk by itself. */
  #takePiece(): Uint8Array {
    let bytes = 0;
    let count = 0;
    for (const part of this.#queue) {
      if (count > 0 && bytes + part.length > maxWriteBytes) break;
      bytes += part.length;
      count++;
    }
    const parts = this.#queue.splice(0, count);
    this.#queuedBytes -= bytes;
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts, bytes);
  }

  #write(piece: Uint8Array): void {
    const write = ++this.#writes;
    this.#pendingBytes = piece.length;
    this.#response.write(piece, () => {
      if (write === this.#writes && this.#pendingBytes > 0) this.#taken();
    });
    // HTTP/1.1: Node.js holds chunks back until the end of the turn; this is the turn's last one.
    const { socket } = this.#response;
    if (socket !== null && socket?.writableCorked > 0) socket.uncork();
    if (this.#response.writableLength === 0) this.#pendingBytes = 0;
  }

  #taken(): void {
    this.#pendingBytes = 0;
    if (this.#isOver) return;
    this.#writeQueued();
    if (this.#pendingBytes > 0 || this.#isOver || !this.#hasQueued) return;
    this.#hasQueued = false;
    this.#onTaken();
  }
}
