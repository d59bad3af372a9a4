/**
 * `/channels/CHANNEL` over plain HTTP: who asks, whether a page may, and by method what is done. Everything that is open is
 * known here, so that a server that ends can answer it.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { SessionContext } from "../../sessions/context.js";
import type { WaitingRequest } from "../../sessions/control.js";
import { dismissVisitor, receiveVisitor, type Visitor } from "../../sessions/visiting.js";
import { errorTable, type ReplyError, replyError } from "../../wire/codes.js";
import { decodeChannel } from "./channel-path.js";
import { ChannelReads } from "./channel-reads.js";
import { ChannelWrites } from "./channel-writes.js";
import { Cors, type CorsOptions } from "./cors.js";
import { credentialsOf } from "./credentials.js";
import { refusalOfThrown, toHttpRefusal } from "./error-status.js";
import { Exchange } from "./exchange.js";
import { type RequestLimits, RequestRates } from "./request-rates.js";

export interface ChannelRoutesOptions extends CorsOptions {
  readonly context: SessionContext;
  readonly limits: Omit<RequestLimits, "maxWaitingRequests">;
  readonly maxWaitingRequests: number | null;
  readonly maxWaitMs: number;
  /** Also the largest body. */
  readonly maxMessageBytes: number;
  /** What a caller is told of a failure that was foreseen; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
}

const methods = "GET, HEAD, POST, DELETE, OPTIONS";

export class ChannelRoutes {
  readonly #options: ChannelRoutesOptions;
  readonly #cors: Cors;
  readonly #rates: RequestRates;
  readonly #reads: ChannelReads;
  readonly #writes: ChannelWrites;
  readonly #open = new Set<Exchange>();
  #onEmpty: (() => void) | undefined;

  constructor(options: ChannelRoutesOptions) {
    this.#options = options;
    const { context, trustedProxies, maxWaitingRequests, maxWaitMs, maxMessageBytes } = options;
    this.#cors = new Cors(options);
    this.#rates = new RequestRates({
      limits: { ...options.limits, maxWaitingRequests },
      clock: context.clock,
      userPublishes: context.userPublishes,
      work: context.work,
      countsLoopback: !trustedProxies.isEmpty,
    });
    const common = { context, rates: this.#rates };
    this.#reads = new ChannelReads({
      ...common,
      maxWaitMs,
      fail: (exchange, error) => this.#fail(exchange, error),
    });
    this.#writes = new ChannelWrites({ ...common, maxBodyBytes: maxMessageBytes });
  }

  stats(): { readonly requests: number; readonly waitingRequests: number } {
    return { requests: this.#open.size, waitingRequests: this.#rates.waitingCount };
  }

  /** @param segment of the path, as `channelOf` gives it */
  answer(segment: string, request: IncomingMessage, response: ServerResponse): void {
    const from = this.#cors.originOf(request);
    const refusal = this.#cors.findRefusal(request, from);
    const headers = refusal ? {} : this.#cors.headersFor(request);
    const exchange = new Exchange(request, response, { address: from.address, headers });
    this.#open.add(exchange);
    exchange.onClosed(() => this.#closed(exchange));
    const found = refusal ?? this.#rates.take(from.address);
    if (found) exchange.refuse(found);
    else if (request.method === "OPTIONS") this.#answerOptions(exchange);
    else this.#answer(exchange, segment).catch((error: unknown) => this.#fail(exchange, error));
  }

  /** What waits is answered with nothing. Resolves when all is answered; after the time, in any case. */
  async drain(timeoutMs: number): Promise<void> {
    for (const exchange of this.#open) exchange.isLast = true;
    this.#reads.end();
    if (this.#open.size === 0) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#options.context.clock.setTimer(() => resolve(), timeoutMs);
      this.#onEmpty = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Ends requests that wait, by what they came with and wait for. */
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void {
    this.#reads.refuseWhere(matches, error);
  }

  #answerOptions({ request, response }: Exchange): void {
    request.resume();
    const isPreflight = request.headers["access-control-request-method"] !== undefined;
    response.writeHead(204, {
      Allow: methods,
      ...(isPreflight && this.#cors.preflightHeaders(request, methods)),
    });
    response.end();
  }

  async #answer(exchange: Exchange, segment: string): Promise<void> {
    const { request } = exchange;
    const reads = request.method === "GET" || request.method === "HEAD";
    if (!reads && request.method !== "POST" && request.method !== "DELETE") {
      const error = replyError("badRequest", `${request.method} is not accepted here, only ${methods}`);
      exchange.refuse({ status: 405, error, headers: { Allow: methods } });
      return;
    }
    const channel = decodeChannel(segment);
    if (channel === undefined) {
      exchange.refuse(
        toHttpRefusal(replyError("badRequest", "the channel must be percent-encoded in UTF-8")),
      );
      return;
    }
    if (reads) request.resume();
    const visitor = await this.#receive(exchange);
    if (visitor) await (reads ? this.#reads : this.#writes).answer(exchange, visitor, channel);
  }

  /** @returns undefined where the visitor was refused, or is gone */
  async #receive(exchange: Exchange): Promise<Visitor | undefined> {
    const { context } = this.#options;
    const visitor = await receiveVisitor(context, credentialsOf(exchange.request, exchange.address));
    if ("refusal" in visitor) {
      if (visitor.refusal.code === errorTable.unauthorized.code) this.#rates.noteBadToken(exchange.address);
      exchange.refuse(toHttpRefusal(visitor.refusal));
      return undefined;
    }
    exchange.onClosed(() => dismissVisitor(context, visitor));
    return exchange.isClosed ? undefined : visitor;
  }

  #fail(exchange: Exchange, error: unknown): void {
    const { expectedFailure, context } = this.#options;
    const refusal = refusalOfThrown(error, expectedFailure);
    if (refusal === undefined)
      context.onError(error, { stage: `answering ${exchange.request.method} of a channel` });
    exchange.refuse(refusal ?? toHttpRefusal(replyError("internal")));
  }

  #closed(exchange: Exchange): void {
    this.#open.delete(exchange);
    if (this.#open.size === 0) this.#onEmpty?.();
  }
}
