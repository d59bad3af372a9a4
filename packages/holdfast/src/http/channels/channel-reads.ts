/**
 * `GET` and `HEAD` of a channel: a read at once, or one that waits for what comes next. What waits is counted, takes one
 * place on the timer of all deadlines, and is let go of with its client.
 */
import type { Channel } from "../../channels/channel.js";
import { type HttpRefusal, toHttpRefusal } from "../../requests/refusals.js";
import type { WaitingRequest } from "../../sessions/control.js";
import {
  type Admission,
  admit,
  defaultReadEntries,
  type ReadAnswer,
  type ReadingContext,
  type ReadParams,
  read,
} from "../../sessions/reading.js";
import {
  type Visitor,
  WaitingReader,
  type WaitingReaderOptions,
  type WaitOutcome,
} from "../../sessions/request-client.js";
import { estimateOfEntries } from "../../sessions/work.js";
import { pauseCounting } from "../../sockets/request-bounds.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { bodyOfBatch, listEncoding, SharedBodies, sendBody } from "./answer-body.js";
import type { Exchange } from "./exchange.js";
import { parseReadQuery, type ReadQuery } from "./read-query.js";
import type { RequestRates } from "./request-rates.js";

export interface ChannelReadsOptions {
  readonly context: ReadingContext & WaitingReaderOptions["context"];
  readonly rates: RequestRates;
  /** Longest time that a request may wait. */
  readonly maxWaitMs: number;
  /** Answers where something was thrown. */
  readonly fail: (exchange: Exchange, error: unknown) => void;
}

interface Waiting extends WaitingRequest {
  readonly exchange: Exchange;
  readonly reader: WaitingReader;
}

export class ChannelReads {
  readonly #options: ChannelReadsOptions;
  readonly #waiting = new Set<Waiting>();
  readonly #bodies = new SharedBodies();
  #isEnded = false;

  constructor(options: ChannelReadsOptions) {
    this.#options = options;
  }

  /** @throws what the application and the broker throw */
  async answer(exchange: Exchange, visitor: Visitor, channel: string): Promise<void> {
    const { context, maxWaitMs } = this.#options;
    const query = parseReadQuery(exchange.admitted.request, maxWaitMs);
    if (typeof query === "string") {
      exchange.refuse(toHttpRefusal(replyError("badRequest", query)));
      return;
    }
    const params = { ...query, channel };
    const admission = await admit(context, visitor, params);
    if ("refusal" in admission) {
      exchange.refuse(toHttpRefusal(admission.refusal));
      return;
    }
    if (!(await this.#mayBegin(exchange, admission, params))) return;
    await this.#read(exchange, admission, params);
  }

  /** Whether what was spent before is paid off; then it waits for its turn. */
  async #mayBegin(
    exchange: Exchange,
    { visitor }: Admission,
    { since, limit = defaultReadEntries }: ReadParams,
  ): Promise<boolean> {
    const { rates } = this.#options;
    const account = rates.accountOf(visitor.actor.user, exchange.address);
    exchange.account = account;
    exchange.onClosed(() => account.release());
    const refusal = rates.findWorkRefusal(account);
    if (refusal) {
      exchange.refuse(refusal);
      return false;
    }
    // Most that come back to a place find little or nothing there.
    await rates.turn(estimateOfEntries(since === undefined ? limit : 0));
    return !exchange.isClosed;
  }

  /** Those that wait are answered with nothing, and none waits from now on. */
  end(): void {
    this.#isEnded = true;
    for (const { reader } of [...this.#waiting]) reader.end();
  }

  /** What these wait for is not theirs any more. */
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void {
    for (const waiting of [...this.#waiting]) {
      if (!matches(waiting)) continue;
      waiting.reader.stop();
      waiting.exchange.refuse(toHttpRefusal(error));
    }
  }

  async #read(exchange: Exchange, admission: Admission, params: ReadParams & ReadQuery): Promise<void> {
    const { context } = this.#options;
    let refusal: HttpRefusal | undefined;
    // HEAD says what GET would, and at once.
    const mayWait = params.waitMs > 0 && exchange.request.method === "GET";
    const wait = (channel: Channel, offset: number) => {
      if (this.#isEnded || exchange.isClosed) return false;
      refusal = this.#wait(exchange, admission, params, { channel, offset });
      return true;
    };
    const answer = await read(context, admission, params, mayWait ? wait : undefined);
    if (refusal) exchange.refuse(refusal);
    else if (answer && "refusal" in answer) exchange.refuse(toHttpRefusal(answer.refusal));
    else if (answer) this.#send(exchange, params.channel, answer);
  }

  #send(exchange: Exchange, channel: string, answer: ReadAnswer): void {
    const { request, response } = exchange;
    if (exchange.isClosed || response.headersSent) return;
    exchange.isLast ||= this.#isEnded;
    const body = this.#bodies.get(channel, answer);
    sendBody(request, response, body, exchange.answerHeaders());
    exchange.account?.charge(body.takeCost());
  }

  /** @returns why it may not wait */
  #wait(
    exchange: Exchange,
    admission: Admission,
    params: ReadParams & ReadQuery,
    { channel, offset }: { readonly channel: Channel; readonly offset: number },
  ): HttpRefusal | undefined {
    const { context, rates } = this.#options;
    const leave = rates.enter(exchange.address);
    if (typeof leave !== "function") return leave;
    const restart = pauseSocketTimeout(exchange);
    const resume = pauseCounting(exchange.response);
    const waiting: Waiting = {
      exchange,
      identity: admission.visitor.identity,
      grant: admission.grant,
      channel: params.channel,
      reader: new WaitingReader({
        context,
        encoding: listEncoding,
        waitMs: this.#waitMsOf(admission, params),
        onEnd: (outcome) => {
          restart();
          resume();
          this.#waiting.delete(waiting);
          this.#finish(exchange, admission, params, outcome);
        },
      }),
    };
    this.#waiting.add(waiting);
    exchange.onClosed(() => {
      waiting.reader.stop();
      this.#waiting.delete(waiting);
      leave();
    });
    waiting.reader.start(channel, offset);
    return undefined;
  }

  /** No longer than what the reader came with is good for. */
  #waitMsOf({ visitor, grant }: Admission, { waitMs }: ReadQuery): number {
    const now = this.#options.context.clock.now();
    const ends = [visitor.identity.expiresAt, grant.expiresAt].filter((end) => end !== undefined);
    return Math.max(0, Math.min(waitMs, ...ends.map((end) => end - now)));
  }

  #finish(
    exchange: Exchange,
    admission: Admission,
    params: ReadParams & ReadQuery,
    { bytes, position }: WaitOutcome,
  ): void {
    const { context, fail } = this.#options;
    const { limits } = context;
    const { limit = limits.maxHistoryEntries, since } = params;
    const most = Math.min(limit, limits.maxHistoryEntries);
    try {
      if (bytes === undefined)
        this.#send(exchange, params.channel, { position, publications: [], isRecovered: true });
      // A batch is for all that wait, and may be more than this one has asked for.
      else if (position.offset - (since?.offset ?? 0) > most)
        this.#read(exchange, admission, { ...params, waitMs: 0 }).catch((error) => fail(exchange, error));
      else {
        const { request, response } = exchange;
        sendBody(request, response, bodyOfBatch(bytes, position), exchange.answerHeaders());
      }
    } catch (error) {
      fail(exchange, error);
    }
  }
}

/**
 * A server for HTTP/1.1 may cut connections on which nothing happens; here, that is meant.
 * @returns what sets it as it was
 */
function pauseSocketTimeout({ request }: Exchange): () => void {
  const { socket, httpVersionMajor } = request;
  // Over HTTP/2 the connection is not this request's own.
  const before = httpVersionMajor < 2 ? socket.timeout : undefined;
  if (!before) return () => {};
  socket.setTimeout(0);
  return () => void socket.setTimeout(before);
}
