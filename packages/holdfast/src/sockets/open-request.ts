/**
 * One request and its response: the same interface for HTTP/1.1 and HTTP/2, what the request is counted
 * for, and its body, read with a limit. request-bounds.ts decides which requests continue.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";

/** HTTP/2 requests use the compatibility API of node:http2. */
export function isHttp2Response(response: ServerResponse): response is ServerResponse & Http2ServerResponse {
  return "stream" in response;
}

/** Whether the client has disconnected. */
export function isGone(response: ServerResponse): boolean {
  if (isHttp2Response(response)) return response.stream.destroyed || response.stream.closed;
  return response.destroyed || response.closed;
}

/** What requests hold: per connection, per address, and in total. */
export interface Usage {
  requests: number;
  /** Bytes of headers and bodies, from arrival to response. */
  bodyBytes: number;
  /** Bytes of responses that were written and not read. */
  responseBytes: number;
}

export function emptyUsage(): Usage {
  return { requests: 0, bodyBytes: 0, responseBytes: 0 };
}

export interface ConnectionUsage extends Usage {
  readonly open: Set<OpenRequest>;
}

export interface AddressUsage extends Usage {
  readonly key: string;
  /** Includes waiting ones. */
  open: number;
}

/** The counters of a request. */
export interface CountedFor {
  readonly connection: ConnectionUsage;
  /** Undefined if its address is not counted. */
  readonly address: AddressUsage | undefined;
  /** Whether its connection carries requests of many clients, such as a trusted proxy's. */
  readonly isShared: boolean;
  readonly total: Usage;
}

/** The connection that a request shares with others; it emits `close`. */
export function connectionOf(request: IncomingMessage): NodeJS.EventEmitter {
  const stream = streamOf(request);
  // A closed stream has no session.
  return stream === undefined ? request.socket : (stream.session ?? stream);
}

function streamOf(request: IncomingMessage): ServerHttp2Stream | undefined {
  return (request as unknown as Partial<Http2ServerRequest>).stream;
}

/** One request, from its headers to the end of its response. */
export class OpenRequest {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of HTTP/2. */
  readonly stream: ServerHttp2Stream | undefined;
  readonly connectionUsage: ConnectionUsage;
  readonly addressUsage: AddressUsage | undefined;
  readonly isShared: boolean;
  readonly usages: readonly Usage[];
  /** Held until the response, unread ones included. */
  bodyBytes = 0;
  /** Of the body's, read by `readBody`. */
  readBytes = 0;
  bodyTicks = 0;
  unsentBefore = 0;
  /** The counted part of the unsent bytes. */
  responseBytes = 0;
  takenBytes = 0;
  answerTicks = 0;
  /** Bounded elsewhere: here only its progress is watched. */
  isHandedOver = false;
  isSharing = false;
  /** It waits, or is handed over, and does not count as active. */
  isPaused = false;
  isRefused = false;

  /** Of HTTP/1.1: a request loses its socket when it ends. */
  readonly #socket: Socket;

  constructor(request: IncomingMessage, response: ServerResponse, counted: CountedFor) {
    const { connection, address, isShared, total } = counted;
    this.request = request;
    this.response = response;
    this.stream = streamOf(request);
    this.#socket = request.socket;
    this.connectionUsage = connection;
    this.addressUsage = address;
    this.isShared = isShared;
    this.usages = address === undefined ? [connection, total] : [connection, address, total];
  }

  /** Emits `finish` once the response has been sent: over HTTP/2 the response itself waits for the end of the request. */
  get writer(): NodeJS.EventEmitter {
    return this.stream ?? this.response;
  }

  /** Whether a body follows the headers. */
  get hasBody(): boolean {
    if (this.stream) return !this.stream.endAfterHeaders;
    // RFC 9112 §6.3: without either field there is none.
    const { "content-length": length, "transfer-encoding": coding } = this.request.headers;
    return coding !== undefined || (length !== undefined && length !== "0");
  }

  /** Whether the body is complete, read or not, or no more will arrive. */
  get isBodyComplete(): boolean {
    const { stream, request } = this;
    if (stream === undefined) return request.complete || this.#socket.destroyed;
    return stream.destroyed || stream.closed || stream.endAfterHeaders || stream.state.remoteClose === 1;
  }

  /** Bytes of the body that arrived and are unread. */
  get unreadBytes(): number {
    return this.request.readableLength + (this.stream?.readableLength ?? 0);
  }

  /** Bytes written that the operating system has not taken. */
  get unsentBytes(): number {
    return (this.stream ?? this.response).writableLength;
  }

  /** Whether a response can still be started. */
  get canBeAnswered(): boolean {
    return !this.response.headersSent && !isGone(this.response);
  }

  /** Ends it at once: the stream of HTTP/2, the connection of HTTP/1.1. @param code of HTTP/2, RFC 9113 §7 */
  reset(code: number = constants.NGHTTP2_CANCEL): void {
    if (this.stream === undefined) this.#socket.destroy();
    else if (!this.stream.closed) this.stream.close(code);
  }
}

/** Whether its connection or address exceeds its limit. A single request is bounded by its handler. */
export function isBeyond(
  open: OpenRequest,
  bytes: "bodyBytes" | "responseBytes",
  maxOfConnection: number,
  maxOfAddress: number,
): boolean {
  const { connectionUsage: connection, addressUsage: address, isShared } = open;
  const own = open[bytes];
  if (!isShared && connection[bytes] > Math.max(maxOfConnection, own)) return true;
  return address !== undefined && address[bytes] > Math.max(maxOfAddress, own);
}

export function headBytesOf({ rawHeaders, url = "" }: IncomingMessage): number {
  let bytes = url.length;
  for (const each of rawHeaders) bytes += each.length;
  return bytes;
}

/** "consumed": other code has read it without keeping it. */
export type BodyFault = "aborted" | "large" | "consumed";

/** Called with each part of a body that is held. @returns false if the request has been refused */
export type BodyMeter = (bytes: number) => boolean;

const meters = new WeakMap<IncomingMessage, BodyMeter>();

/** Makes `readBody` report what it reads of this body. */
export function meterBody(request: IncomingMessage, meter: BodyMeter): void {
  meters.set(request, meter);
}

/** @returns `{ bytes }`; "aborted" if the client has gone or was refused, which need not be reported; "large"; "consumed" */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
): Promise<{ readonly bytes: Buffer } | BodyFault> {
  if (request.readableEnded) return takeParsed(request, maxBytes);
  const meter = meters.get(request);
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request) {
      const { length } = part as Buffer;
      bytes += length;
      if (bytes > maxBytes) return "large";
      if (meter?.(length) === false) return "aborted";
      parts.push(part as Buffer);
    }
  } catch {
    return "aborted";
  }
  if (meter?.(0) === false) return "aborted";
  return { bytes: Buffer.concat(parts) };
}

/** Body parsers of frameworks, such as `express.json()`, keep what they read in `body`. */
function takeParsed(request: IncomingMessage, maxBytes: number): { readonly bytes: Buffer } | BodyFault {
  const { body } = request as { body?: unknown };
  if (body === undefined) return "consumed";
  const isRaw = typeof body === "string" || body instanceof Uint8Array;
  const bytes = Buffer.from(isRaw ? (body as string) : JSON.stringify(body));
  return bytes.length > maxBytes ? "large" : { bytes };
}

/** Advice for an application that mounts a body parser first. */
export const consumedBodyAdvice =
  "the body was read before this handler got the request: mount the handler before body parsers such as express.json(), or have them keep the body in request.body";
