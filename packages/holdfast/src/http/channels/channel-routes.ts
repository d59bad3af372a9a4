/**
 * `/channels/CHANNEL` over plain HTTP: authenticates each request and hands it to reads or writes. Knows all open requests,
 * so that a server that closes can answer them.
 */
import type { HttpExchange } from "../../requests/exchange.js";
import { refusalOfThrown, toHttpRefusal } from "../../requests/refusals.js";
import type { SessionContext } from "../../sessions/context.js";
import type { WaitingRequest } from "../../sessions/node-commands.js";
import { acceptClient, type RequestClient, releaseClient } from "../../sessions/request-client.js";
import { errorTable, type ReplyError, replyError } from "../../wire/codes.js";
import { ChannelReads } from "./channel-reads.js";
import { ChannelWrites } from "./channel-writes.js";
import { type RequestLimits, RequestRates } from "./request-rates.js";

export interface ChannelRoutesOptions {
  readonly context: SessionContext;
  readonly limits: Omit<RequestLimits, "maxWaitingRequests">;
  readonly maxWaitingRequests: number | null;
  readonly maxWaitMs: number;
  /** The key an address is counted by; empty if it is not counted. */
  readonly peerKeyOf: (address: string) => string;
  /** Also the largest body. */
  readonly maxMessageBytes: number;
  /** The error to answer an expected failure with; undefined for others. */
  readonly expectedFailure: (error: unknown) => ReplyError | undefined;
}

export class ChannelRoutes {
  readonly #options: ChannelRoutesOptions;
  readonly #rates: RequestRates;
  readonly #reads: ChannelReads;
  readonly #writes: ChannelWrites;
  readonly #open = new Set<HttpExchange>();
  #onEmpty: (() => void) | undefined;

  constructor(options: ChannelRoutesOptions) {
    this.#options = options;
    const { context, peerKeyOf, maxWaitingRequests, maxWaitMs, maxMessageBytes } = options;
    const rates = new RequestRates({
      limits: { ...options.limits, maxWaitingRequests },
      clock: context.clock,
      userPublishes: context.userPublishes,
      work: context.work,
      peerKeyOf,
    });
    const fail = (exchange: HttpExchange, error: unknown) => this.#fail(exchange, error);
    this.#rates = rates;
    this.#reads = new ChannelReads({ context, rates, maxWaitMs, fail });
    this.#writes = new ChannelWrites({ context, rates, maxBodyBytes: maxMessageBytes });
  }

  stats(): { readonly requests: number; readonly waitingRequests: number } {
    return { requests: this.#open.size, waitingRequests: this.#rates.waitingCount };
  }

  answer(channel: string, exchange: HttpExchange): void {
    this.#open.add(exchange);
    exchange.onClosed(() => this.#closed(exchange));
    const refusal = this.#rates.take(exchange.address);
    if (refusal) exchange.refuse(refusal);
    else this.#answer(exchange, channel).catch((error: unknown) => this.#fail(exchange, error));
  }

  /** Answers waiting requests with nothing. Resolves when all requests are answered, or after the timeout. */
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

  /** Refuses waiting requests by their identity, grant and channel. */
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void {
    this.#reads.refuseWhere(matches, error);
  }

  async #answer(exchange: HttpExchange, channel: string): Promise<void> {
    const isRead = exchange.method === "GET" || exchange.method === "HEAD";
    if (isRead) exchange.request.resume();
    const client = await this.#authenticate(exchange);
    if (client) await (isRead ? this.#reads : this.#writes).answer(exchange, client, channel);
  }

  /** @returns undefined if the request was refused, or its client has gone */
  async #authenticate(exchange: HttpExchange): Promise<RequestClient | undefined> {
    const { context } = this.#options;
    const client = await acceptClient(context, exchange.credentials);
    if ("refusal" in client) {
      if (client.refusal.code === errorTable.unauthorized.code) this.#rates.chargeBadToken(exchange.address);
      exchange.refuse(toHttpRefusal(client.refusal));
      return undefined;
    }
    exchange.onClosed(() => releaseClient(context, client));
    return exchange.isClosed ? undefined : client;
  }

  #fail(exchange: HttpExchange, error: unknown): void {
    const { expectedFailure, context } = this.#options;
    const refusal = refusalOfThrown(error, expectedFailure);
    if (refusal === undefined) context.onError(error, { stage: `answering ${exchange.method} of a channel` });
    exchange.refuse(refusal ?? toHttpRefusal(replyError("internal")));
  }

  #closed(exchange: HttpExchange): void {
    this.#open.delete(exchange);
    if (this.#open.size === 0) this.#onEmpty?.();
  }
}
