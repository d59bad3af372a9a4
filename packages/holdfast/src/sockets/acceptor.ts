/**
 * Opening handshakes on real connections: upgrade requests of HTTP/1.1 (RFC 6455 §4.2) and extended CONNECTs of HTTP/2
 * (RFC 8441) become streams that carry WebSockets, or are refused with an explanation.
 */
import { type IncomingHttpHeaders, type IncomingMessage, STATUS_CODES } from "node:http";
import type { ServerHttp2Stream } from "node:http2";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { DeflateSettings } from "../options/websocket.js";
import type { Clock } from "../time/clock.js";
import type { Deflate } from "../websocket/deflate.js";
import type { RawHeaders } from "../websocket/handshake-fields.js";
import {
  type Agreement,
  acceptExtendedConnect,
  acceptUpgrade,
  bodyFields,
  type Rejection,
  reject,
  rejectionResponse,
  type ServerHandshakeOptions,
} from "../websocket/opening-handshake.js";
import { hasPendingResponse } from "./http-upgrade.js";
import { ConnectRequest, type OpeningRequest, UpgradeRequest } from "./opening-request.js";
import { writeFirst } from "./output.js";

/** A stream that carries a WebSocket from here on. */
export interface AcceptedSocket {
  readonly stream: Duplex;
  /** Bytes that came with the handshake. */
  readonly head: Uint8Array;
  readonly protocol: string | undefined;
  /** The response's Sec-WebSocket-Extensions; empty if none was negotiated. */
  readonly extensions: string;
  readonly deflate: Deflate | undefined;
  readonly request: OpeningRequest;
  /** The response, from the status line to the empty line; undefined over HTTP/2. */
  readonly responseHead: string | undefined;
}

export interface AcceptorOptions {
  readonly clock: Clock;
  /** Checks a request first. A promise is awaited; if it rejects, the request is refused with 500. */
  readonly findRefusal: (request: OpeningRequest) => Rejection | undefined | Promise<Rejection | undefined>;
  /** Checks again after an asynchronous decision: the server may be full or closing by then. */
  readonly findLateRefusal?: () => Rejection | undefined;
  readonly chooseProtocol?:
    | ((offered: readonly string[], request: OpeningRequest) => string | undefined)
    | undefined;
  readonly compression?: DeflateSettings | undefined;
  /** Whether one more connection may keep compression contexts. */
  readonly hasRoomForContext?: () => boolean;
  /** How long `findRefusal` may take. */
  readonly decisionTimeoutMs: number;
  /** Maximum number of requests waiting for `findRefusal`; others are refused with 503. */
  readonly maxDecisions: number;
  /** Must attach to the stream's `error` event. */
  readonly onAccepted: (accepted: AcceptedSocket) => void;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

/** Time for a refused client to read the response. */
const refusalTimeoutMs = 2000;
const emptyBytes = new Uint8Array(0);

/** Decides on requests to open WebSockets, and answers them. */
export class Acceptor {
  readonly #options: AcceptorOptions;
  #decisions = 0;

  constructor(options: AcceptorOptions) {
    this.#options = options;
  }

  /** For the `upgrade` event of a server for HTTP/1.1. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    // If an earlier request on this connection is unanswered, its response would arrive among the frames.
    if (hasPendingResponse(socket)) {
      socket.destroy();
      return;
    }
    const request = new UpgradeRequest(message);
    const refuse = (rejection: Rejection) => this.refuseUpgrade(socket, rejection);
    this.#decide(request, socket, refuse, () => {
      const method = message.method ?? "";
      const { httpVersion, rawHeaders } = message;
      const handshake = acceptUpgrade({ method, httpVersion, rawHeaders }, this.#handshakeOptions(request));
      if (!handshake.isAccepted) {
        refuse(handshake);
        return;
      }
      if (socket instanceof Socket) {
        socket.setTimeout(0);
        // Messages are written once a turn; waiting for more would only delay them.
        socket.setNoDelay(true);
      }
      writeFirst(socket, Buffer.from(handshake.responseHead, "latin1"));
      this.#accept(socket, head, handshake, request, handshake.responseHead);
    });
  }

  /** For the `stream` event of a server for HTTP/2, where `:method` is CONNECT and `:protocol` is websocket. */
  connect(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: RawHeaders): void {
    const request = new ConnectRequest(stream, headers, rawHeaders);
    const refuse = (rejection: Rejection) => this.refuseStream(stream, rejection);
    this.#decide(request, stream, refuse, () => {
      const handshake = acceptExtendedConnect(request.rawHeaders, this.#handshakeOptions(request));
      if (!handshake.isAccepted) {
        refuse(handshake);
        return;
      }
      stream.respond({ ":status": 200, ...handshake.headers });
      this.#accept(stream, emptyBytes, handshake, request);
    });
  }

  /** Explains why an ordinary request does not open a WebSocket. */
  explain(request: IncomingMessage): Rejection {
    const { method = "", httpVersion, rawHeaders } = request;
    if (httpVersion === "2.0")
      return reject(400, "Over HTTP/2, a WebSocket is opened with an extended CONNECT (RFC 8441).");
    const result = acceptUpgrade({ method, httpVersion, rawHeaders });
    if (!result.isAccepted) return result;
    return reject(426, "Send this as an upgrade request.", { Upgrade: "websocket" });
  }

  refuseUpgrade(socket: Duplex, rejection: Rejection): void {
    this.#limitRefusal(socket);
    socket.end(rejectionResponse(rejection, STATUS_CODES[rejection.status] ?? "Error"));
  }

  refuseStream(stream: ServerHttp2Stream, { status, message, headers }: Rejection): void {
    if (stream.destroyed || stream.closed) return;
    this.#limitRefusal(stream);
    stream.respond({ ":status": status, ...Object.fromEntries(bodyFields(headers)) });
    stream.end(`${message}\n`);
  }

  #accept(
    stream: Duplex,
    head: Uint8Array,
    agreement: Agreement,
    request: OpeningRequest,
    responseHead?: string,
  ): void {
    const { protocol, deflate, headers } = agreement;
    const extensions = headers["Sec-WebSocket-Extensions"] ?? "";
    const { onAccepted, onError } = this.#options;
    try {
      onAccepted({ stream, head, protocol, extensions, deflate, request, responseHead });
    } catch (error) {
      // The handshake was answered already, so no error can be sent.
      onError(error, { stage: "opening a WebSocket" });
      stream.destroy();
    }
  }

  #decide(
    request: OpeningRequest,
    stream: Duplex,
    refuse: (rejection: Rejection) => void,
    accept: () => void,
  ): void {
    const { findRefusal, onError } = this.#options;
    const finish = (refusal: Rejection | undefined) => {
      if (stream.destroyed) return;
      try {
        if (refusal) refuse(refusal);
        else accept();
      } catch (error) {
        fail(error);
      }
    };
    const fail = (error: unknown) => {
      onError(error, { stage: "opening a WebSocket" });
      if (!stream.destroyed) refuse(reject(500, "The server could not decide on this request."));
    };
    try {
      const refusal = findRefusal(request);
      if (refusal instanceof Promise) this.#wait(refusal, stream, finish, fail);
      else finish(refusal);
    } catch (error) {
      fail(error);
    }
  }

  #wait(
    refusal: Promise<Rejection | undefined>,
    stream: Duplex,
    finish: (refusal: Rejection | undefined) => void,
    fail: (error: unknown) => void,
  ): void {
    const { clock, decisionTimeoutMs, maxDecisions, findLateRefusal } = this.#options;
    const ignore = () => {};
    stream.on("error", ignore);
    if (this.#decisions >= maxDecisions) {
      refusal.catch(ignore);
      finish(reject(503, "The server is busy with other requests.", { "Retry-After": "1" }));
      return;
    }
    this.#decisions++;
    let isDecided = false;
    const decide = (act: () => void) => {
      if (isDecided) return;
      isDecided = true;
      this.#decisions--;
      cancel();
      stream.off("error", ignore);
      act();
    };
    const cancel = clock.setTimer(
      () => decide(() => fail(new Error(`authorize did not decide within ${decisionTimeoutMs} ms`))),
      decisionTimeoutMs,
    );
    refusal.then(
      (decided) => decide(() => finish(decided ?? findLateRefusal?.())),
      (error: unknown) => decide(() => fail(error)),
    );
  }

  #handshakeOptions(request: OpeningRequest): ServerHandshakeOptions {
    const { chooseProtocol, compression, hasRoomForContext } = this.#options;
    return {
      compression,
      chooseProtocol: chooseProtocol && ((offered) => chooseProtocol(offered, request)),
      takesContext: compression?.contextTakeover && (hasRoomForContext?.() ?? true),
    };
  }

  #limitRefusal(stream: Duplex): void {
    const cancel = this.#options.clock.setTimer(() => stream.destroy(), refusalTimeoutMs);
    stream.on("error", () => {});
    stream.on("close", cancel);
    stream.resume();
  }
}
