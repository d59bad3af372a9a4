/**
 * `/channels/CHANNEL` over plain HTTP: who asks, whether a page may, and by method what is done. Everything that is open is
 * known here, so that a server that ends can answer it.
 */
import { credentialsOf } from "../../requests/credentials.js";
import { refusalOfThrown, toHttpRefusal } from "../../requests/refusals.js";
import type { HttpExchange } from "../../requests/request-policy.js";
import type { SessionContext } from "../../sessions/context.js";
import type { WaitingRequest } from "../../sessions/control.js";
import { dismissVisitor, receiveVisitor, type Visitor } from "../../sessions/request-client.js";
import { errorTable, type ReplyError, replyError } from "../../wire/codes.js";
import { decodeChannel } from "./channel-path.js";
import { ChannelReads } from "./channel-reads.js";
import { ChannelWrites } from "./channel-writes.js";
import { Exchange } from "./exchange.js";
import { type RequestLimits, RequestRates } from "./request-rates.js";

export interface ChannelRoutesOptions {
  readonly context: SessionContext;
  readonly limits: Omit<RequestLimits, "maxWaitingRequests">;
  readonly maxWaitingRequests: number | null;
  readonly maxWaitMs: number;
  /** Whether connections from loopback addresses are bounded like others. */
  readonly countsLoopback: boolean;
  /** Also the largest body. */
  readonly maxMessageBytes: number;
  /** What a caller is told of a failure that was foreseen; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
}

export class ChannelRoutes {
  readonly #options: ChannelRoutesOptions;
  readonly #rates: RequestRates;
  readonly #reads: ChannelReads;
  readonly #writes: ChannelWrites;
  readonly #open = new Set<Exchange>();
  #onEmpty: (() => void) | undefined;

  constructor(options: ChannelRoutesOptions) {
    this.#options = options;
    const { context, countsLoopback, maxWaitingRequests, maxWaitMs, maxMessageBytes } = options;
    this.#rates = new RequestRates({
      limits: { ...options.limits, maxWaitingRequests },
      clock: context.clock,
      userPublishes: context.userPublishes,
      work: context.work,
      countsLoopback,
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
  answer(segment: string, admitted: HttpExchange): void {
    const exchange = new Exchange(admitted);
    this.#open.add(exchange);
    exchange.onClosed(() => this.#closed(exchange));
    const refusal = this.#rates.take(exchange.address);
    if (refusal) exchange.refuse(refusal);
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

  async #answer(exchange: Exchange, segment: string): Promise<void> {
    const { request } = exchange;
    const reads = request.method === "GET" || request.method === "HEAD";
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
    const visitor = await receiveVisitor(context, credentialsOf(exchange.admitted.request));
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
