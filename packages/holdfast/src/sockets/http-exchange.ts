/** A request and its response on their connection: the same questions for HTTP/1.1 and HTTP/2. */
import type { IncomingMessage, ServerResponse } from "node:http";
import {
  constants,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";

/** Requests over HTTP/2 come with the compatibility interface of node:http2. */
export function isHttp2Response(response: ServerResponse): response is ServerResponse & Http2ServerResponse {
  return "stream" in response;
}

/** Whether nobody is there any more to answer. */
export function isGone(response: ServerResponse): boolean {
  if (isHttp2Response(response)) return response.stream.destroyed || response.stream.closed;
  return response.destroyed || response.closed;
}

export class HttpExchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Of HTTP/2. */
  readonly stream: ServerHttp2Stream | undefined;
  /** Of HTTP/1.1: the request loses its socket with its end. */
  readonly #socket: Socket;

  constructor(request: IncomingMessage, response: ServerResponse) {
    this.request = request;
    this.response = response;
    this.stream = (request as unknown as Partial<Http2ServerRequest>).stream;
    this.#socket = request.socket;
  }

  /** What it shares with others that come over the same connection; it emits `close`. */
  get connection(): NodeJS.EventEmitter {
    // A stream that is gone already has no session any more.
    return this.stream === undefined ? this.#socket : (this.stream.session ?? this.stream);
  }

  /** What emits `finish` once the answer has been taken: the response over HTTP/2 waits for the end of the request. */
  get writer(): NodeJS.EventEmitter {
    return this.stream ?? this.response;
  }

  /** Whether a body follows the head. */
  get hasBody(): boolean {
    if (this.stream) return !this.stream.endAfterHeaders;
    // RFC 9112 §6.3: without either field there is none.
    const { "content-length": length, "transfer-encoding": coding } = this.request.headers;
    return coding !== undefined || (length !== undefined && length !== "0");
  }

  /** Whether all of the body has come, read or not, or no more will. */
  get isBodyComplete(): boolean {
    const { stream, request } = this;
    if (stream === undefined) return request.complete || this.#socket.destroyed;
    return stream.destroyed || stream.closed || stream.endAfterHeaders || stream.state.remoteClose === 1;
  }

  /** Bytes of the body that nobody has read yet. */
  get unreadBytes(): number {
    return this.request.readableLength + (this.stream?.readableLength ?? 0);
  }

  /** Bytes that were written, and that the operating system has not taken. */
  get unsentBytes(): number {
    return (this.stream ?? this.response).writableLength;
  }

  /** Whether an answer can still be begun. */
  get canBeAnswered(): boolean {
    return !this.response.headersSent && !isGone(this.response);
  }

  /** Ends it at once: the stream of HTTP/2, the connection of HTTP/1.1. @param code of HTTP/2, RFC 9113 §7 */
  reset(code: number = constants.NGHTTP2_CANCEL): void {
    if (this.stream === undefined) this.#socket.destroy();
    else if (!this.stream.closed) this.stream.close(code);
  }
}
