/** One request and its answer, of which it is known when the client has gone. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { type HttpRefusal, sendRefusal } from "../../requests/refusals.js";
import type { AdmittedRequest, HttpExchange } from "../../requests/request-policy.js";
import type { WorkAccount } from "../../sessions/work.js";

export class Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly admitted: AdmittedRequest;
  /** The connection is to end with the answer. */
  isLast = false;
  /** What it costs is charged to; where nothing is, it is cheap. */
  account: WorkAccount | undefined;
  readonly #onClosed: (() => void)[] = [];
  #isClosed = false;

  constructor({ request, response, admitted }: HttpExchange) {
    this.request = request;
    this.response = response;
    this.admitted = admitted;
    response.on("close", () => this.#close());
    // What is wrong with its connection ends it, too.
    response.on("error", () => {});
  }

  /** Whom the request comes from. */
  get address(): string {
    return this.admitted.source.address;
  }

  /** Whether it is answered in full, or nobody waits for the answer any more. */
  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Calls back once it is closed; at once where it is already. */
  onClosed(callback: () => void): void {
    if (this.#isClosed) callback();
    else this.#onClosed.push(callback);
  }

  /** Fields of the answer beside its own. */
  answerHeaders(): Readonly<Record<string, string>> {
    // RFC 9113 §8.2.2: HTTP/2 has no Connection.
    const isEnding = this.isLast && this.request.httpVersionMajor < 2;
    const { cors } = this.admitted;
    return isEnding ? { ...cors, Connection: "close" } : cors;
  }

  refuse(refusal: HttpRefusal): void {
    if (this.#isClosed || this.response.headersSent) return;
    // A body that nobody asked for is read and dropped, so that the connection can go on.
    this.request.resume();
    sendRefusal(this.response, refusal, this.answerHeaders());
  }

  #close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const callback of this.#onClosed.splice(0)) callback();
  }
}
