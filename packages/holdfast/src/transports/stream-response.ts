/**
 * A response that carries a session, over HTTP/1.1 or HTTP/2: begun once, written for as long as it lasts, ended within a
 * bounded time.
 */
import type { ServerResponse } from "node:http";
import { isGone, isHttp2Response } from "../sockets/http-exchange.js";
import { handOver } from "../sockets/request-bounds.js";
import type { Clock } from "../time/clock.js";
import { ResponseWriter } from "./response-writer.js";

export interface StreamOwner {
  /** What was written has been taken. */
  drained(): void;
  /** The response has ended, by whichever side. */
  gone(): void;
}

export interface StreamTimes {
  readonly clock: Clock;
  /** For the peer to take what is left once the response is ended. */
  readonly closeTimeoutMs: number;
}

/** Proxies must neither keep, gather nor compress it. RFC 9111 §5.2.2; the second one is nginx's. */
const unbuffered = Object.freeze({
  "Cache-Control": "private, no-cache, no-store, no-transform, must-revalidate, max-age=0",
  "X-Accel-Buffering": "no",
  Pragma: "no-cache",
  "X-Content-Type-Options": "nosniff",
});

export { isGone };

export class StreamResponse {
  readonly #response: ServerResponse;
  readonly #times: StreamTimes;
  readonly #writer: ResponseWriter;
  #cancelCut: (() => void) | undefined;

  constructor(response: ServerResponse, times: StreamTimes, owner: StreamOwner) {
    this.#response = response;
    this.#times = times;
    this.#writer = new ResponseWriter(response, () => owner.drained());
    // Sessions bound what they hold, and all together (`HeldBytes`).
    handOver(response);
    response.on("error", () => {});
    // Over HTTP/2, a stream that its client has reset without an error closes only once its body is read to the end.
    response.req?.resume();
    response.once("close", () => {
      this.#cancelCut?.();
      this.#writer.clear();
      owner.gone();
    });
  }

  get unsentBytes(): number {
    return this.#writer.unsentBytes;
  }

  get isBegun(): boolean {
    return this.#response.headersSent;
  }

  /** Sends the head, with status 200. */
  begin(headers: Readonly<Record<string, string>>): void {
    const response = this.#response;
    if (isGone(response)) return;
    // RFC 9113 §8.2.2: HTTP/2 has no Connection.
    const connection = isHttp2Response(response) ? {} : { Connection: "close" };
    // Silence between pings is no reason to cut it; sessions look after their peers themselves.
    if (!isHttp2Response(response)) response.socket?.setTimeout(0);
    response.writeHead(200, { ...unbuffered, ...connection, ...headers });
    response.flushHeaders();
  }

  write(parts: readonly Uint8Array[]): void {
    if (!isGone(this.#response)) this.#writer.write(parts);
  }

  /** Ends it behind what was written; what the peer does not take in time is given up. */
  end(): void {
    if (isGone(this.#response)) return;
    this.#limit();
    this.#writer.end();
  }

  /** Answers with something else than a stream. Only before it is begun. */
  refuse(status: number, headers: Readonly<Record<string, string>>, body: string): void {
    if (isGone(this.#response)) return;
    this.#limit();
    this.#response.writeHead(status, { ...headers, "Content-Length": Buffer.byteLength(body) });
    this.#response.end(body);
  }

  destroy(): void {
    destroyResponse(this.#response);
  }

  #limit(): void {
    const { clock, closeTimeoutMs } = this.#times;
    this.#cancelCut ??= clock.setTimer(() => this.destroy(), closeTimeoutMs);
  }
}

function destroyResponse(response: ServerResponse): void {
  if (isHttp2Response(response)) response.stream.destroy();
  else response.destroy();
}
