/**
 * `GET` and `HEAD` of a channel: a read at once, or a long poll that waits for the next publication. A waiting request is
 * counted, takes one place on the timer of all deadlines, and is dropped when its client goes.
 */
import type { Channel } from "../../channels/channel.js";
import { type HttpExchange, queryOf } from "../../requests/exchange.js";
import { type HttpRefusal, toHttpRefusal } from "../../requests/refusals.js";
import { readResume } from "../../requests/resume.js";
import type { ConnectionRequest } from "../../sessions/identity.js";
import type { WaitingRequest } from "../../sessions/node-commands.js";
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
  type RequestClient,
  WaitingReader,
  type WaitingReaderOptions,
  type WaitOutcome,
} from "../../sessions/request-client.js";
import { estimateOfEntries, type WorkAccount } from "../../sessions/work.js";
import { pauseCounting } from "../../sockets/request-bounds.js";
import { type ReplyError, replyError } from "../../wire/codes.js";
import { bodyOfBatch, listEncoding, parseCursor, SharedBodies, sendBody } from "./answer-body.js";
import type { RequestRates } from "./request-rates.js";

export interface ChannelReadsOptions {
  readonly context: ReadingContext & WaitingReaderOptions["context"];
  readonly rates: RequestRates;
  /** Longest time that a request may wait. */
  readonly maxWaitMs: number;
  /** Answers a request whose handler threw. */
  readonly fail: (exchange: HttpExchange, error: unknown) => void;
}

/** What the query asks for. */
export interface ReadQuery extends Omit<ReadParams, "channel"> {
  /** How long to wait for a publication; 0 to answer at once. */
  readonly waitMs: number;
}

/** A read in progress. */
interface OpenRead {
  readonly exchange: HttpExchange;
  readonly admission: Admission;
  readonly params: ReadParams & ReadQuery;
  /** Charged for the work. */
  readonly account: WorkAccount;
}

interface Waiting extends WaitingRequest {
  readonly exchange: HttpExchange;
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
  async answer(exchange: HttpExchange, client: RequestClient, channel: string): Promise<void> {
    const { context, rates, maxWaitMs } = this.#options;
    const query = parseReadQuery(exchange.admitted.request, maxWaitMs);
    if (typeof query === "string") {
      exchange.refuse(toHttpRefusal(replyError("badRequest", query)));
      return;
    }
    const params = { ...query, channel };
    const admission = await admit(context, client, params);
    if ("refusal" in admission) {
      exchange.refuse(toHttpRefusal(admission.refusal));
      return;
    }
    const account = rates.accountOf(client.actor.user, exchange.address);
    exchange.onClosed(() => account.release());
    const refusal = rates.findWorkRefusal(account);
    if (refusal) {
      exchange.refuse(refusal);
      return;
    }
    const { since, limit = defaultReadEntries } = params;
    // Most readers that resume find little or nothing new.
    await rates.turn(estimateOfEntries(since === undefined ? limit : 0));
    if (!exchange.isClosed) await this.#read({ exchange, admission, params, account });
  }

  /** Answers waiting requests with nothing; none waits from now on. */
  end(): void {
    this.#isEnded = true;
    for (const { reader } of [...this.#waiting]) reader.end();
  }

  /** Refuses waiting requests that have lost their permission. */
  refuseWhere(matches: (waiting: WaitingRequest) => boolean, error: ReplyError): void {
    for (const waiting of [...this.#waiting]) {
      if (!matches(waiting)) continue;
      waiting.reader.stop();
      waiting.exchange.refuse(toHttpRefusal(error));
    }
  }

  async #read(open: OpenRead): Promise<void> {
    const { context } = this.#options;
    const { exchange, admission, params } = open;
    let refusal: HttpRefusal | undefined;
    // HEAD gets the headers of GET, at once.
    const mayWait = params.waitMs > 0 && exchange.method === "GET";
    const wait = (channel: Channel, offset: number) => {
      if (this.#isEnded || exchange.isClosed) return false;
      refusal = this.#wait(open, channel, offset);
      return true;
    };
    const answer = await read(context, admission, params, mayWait ? wait : undefined);
    if (refusal) exchange.refuse(refusal);
    else if (answer && "refusal" in answer) exchange.refuse(toHttpRefusal(answer.refusal));
    else if (answer) this.#send(open, answer);
  }

  #send({ exchange, params, account }: OpenRead, answer: ReadAnswer): void {
    if (exchange.isClosed || exchange.response.headersSent) return;
    exchange.isLast ||= this.#isEnded;
    const body = this.#bodies.get(params.channel, answer);
    sendBody(exchange, body);
    account.charge(body.takeCost());
  }

  /** @returns why it may not wait */
  #wait(open: OpenRead, channel: Channel, offset: number): HttpRefusal | undefined {
    const { context, rates } = this.#options;
    const { exchange, admission, params } = open;
    const leave = rates.enter(exchange.address);
    if (typeof leave !== "function") return leave;
    const restoreTimeout = pauseSocketTimeout(exchange);
    const resumeCounting = pauseCounting(exchange.response);
    const waiting: Waiting = {
      exchange,
      identity: admission.client.identity,
      grant: admission.grant,
      channel: params.channel,
      reader: new WaitingReader({
        context,
        encoding: listEncoding,
        waitMs: this.#waitMsOf(admission, params),
        onEnd: (outcome) => {
          restoreTimeout();
          resumeCounting();
          this.#waiting.delete(waiting);
          this.#finish(open, outcome);
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

  /** At most until the client's token or grant expires. */
  #waitMsOf({ client, grant }: Admission, { waitMs }: ReadQuery): number {
    const now = this.#options.context.clock.now();
    const ends = [client.identity.expiresAt, grant.expiresAt].filter((end) => end !== undefined);
    return Math.max(0, Math.min(waitMs, ...ends.map((end) => end - now)));
  }

  #finish(open: OpenRead, { bytes, position }: WaitOutcome): void {
    const { context, fail } = this.#options;
    const { exchange, params } = open;
    const { maxHistoryEntries } = context.limits;
    const { limit = maxHistoryEntries, since } = params;
    const maxEntries = Math.min(limit, maxHistoryEntries);
    try {
      if (bytes === undefined) this.#send(open, { position, publications: [], isRecovered: true });
      // All waiting readers share a batch, which may be more than this one asked for.
      else if (position.offset - (since?.offset ?? 0) > maxEntries)
        this.#read({ ...open, params: { ...params, waitMs: 0 } }).catch((error) => fail(exchange, error));
      else sendBody(exchange, bodyOfBatch(bytes, position));
    } catch (error) {
      fail(exchange, error);
    }
  }
}

/**
 * Servers for HTTP/1.1 may cut idle connections; a long poll is idle on purpose.
 * @returns restores the timeout
 */
function pauseSocketTimeout({ request }: HttpExchange): () => void {
  const { socket, httpVersionMajor } = request;
  // Over HTTP/2 other requests share the connection.
  const timeoutMs = httpVersionMajor < 2 ? socket.timeout : undefined;
  if (!timeoutMs) return () => {};
  socket.setTimeout(0);
  return () => void socket.setTimeout(timeoutMs);
}

const units = { ms: 1, s: 1000, m: 60_000 } as const;

/** @returns the query, or why it is refused, as a sentence without full stop */
export function parseReadQuery(request: ConnectionRequest, maxWaitMs: number): ReadQuery | string {
  const { limit, wait, cursor, channel_token: token } = Object.fromEntries(queryOf(request.url));
  const resume = readResume(request, ["cursor"]);
  if (typeof resume === "string") return resume;
  const { since } = resume;
  const place = cursor === undefined ? undefined : parseCursor(cursor);
  if (cursor !== undefined && place === undefined)
    return "cursor must be the cursor of the previous page, unchanged";
  if (since !== undefined && cursor !== undefined) return "cursor cannot be combined with since";
  const waitMs = wait === undefined ? 0 : parseWait(wait);
  if (waitMs === undefined) return "wait must be a number of seconds, or a duration such as 25s, 1m or 500ms";
  if (waitMs > 0 && since === undefined)
    return "wait needs since: read without both first, and resume from the position in the answer";
  if (limit !== undefined && !/^\d{1,9}$/.test(limit)) return "limit must be an integer of at least 0";
  if (since && limit !== undefined && Number(limit) === 0) return "limit must be at least 1 with since";
  return {
    ...(since && { since }),
    ...(place && { cursor: place }),
    ...(limit !== undefined && { limit: Number(limit) }),
    ...(token && { token }),
    waitMs: Math.min(waitMs, maxWaitMs),
  };
}

/** @returns milliseconds; undefined if the text is not a duration */
function parseWait(text: string): number | undefined {
  const [, number, unit = "s"] = /^(\d{1,6}(?:\.\d{1,3})?)(ms|s|m)?$/.exec(text) ?? [];
  return number === undefined ? undefined : Math.ceil(Number(number) * units[unit as keyof typeof units]);
}
