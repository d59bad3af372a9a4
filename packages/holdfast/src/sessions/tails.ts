/**
 * Tails of channels for the server's own side: who asks waits for the next publications, whatever the channel's rules and kind. A
 * channel that keeps no history is read from its ring while somebody is subscribed. Bounded in number and time.
 */
import type { Encoding } from "../channels/batches.js";
import type { Channel } from "../channels/channel.js";
import { type ReplyError, replyError } from "../wire/codes.js";
import { encodePublication } from "../wire/json-codec.js";
import type { Position, Publication } from "../wire/messages.js";
import { findChannelNameFault } from "../wire/names.js";
import { type JsonText, RawJson } from "../wire/payload.js";
import type { SessionContext } from "./context.js";
import { WaitingReader, type WaitOutcome } from "./request-client.js";

export interface TailsContext
  extends Pick<SessionContext, "application" | "broker" | "channels" | "deadlines" | "delivery" | "limits"> {
  /** Publications as items of a list of JSON. */
  readonly encoding: Encoding;
  /** Text of the bytes that it makes. */
  readonly textOf: (bytes: Uint8Array) => string;
}

export interface TailAnswer extends Position {
  /** A list of publications, as JSON. */
  readonly publications: RawJson;
  /** Whether they follow the position that was asked for. */
  readonly recovered: boolean;
}

/** On a node. Each holds its channel open, and a request. */
const maxTails = 200;
const none = new RawJson("[]" as JsonText);

export class Tails {
  readonly #context: TailsContext;
  readonly #waiting = new Set<WaitingReader>();
  /** From the call on, so that many at once are no more than that either. */
  #open = 0;
  #isEnded = false;

  constructor(context: TailsContext) {
    this.#context = context;
  }

  get count(): number {
    return this.#open;
  }

  /**
   * @param since undefined for the position at the moment, at once
   * @throws HF_BROKER_UNAVAILABLE if the log cannot be read
   */
  async read(name: string, since: Position | undefined, waitMs: number): Promise<TailAnswer | ReplyError> {
    const { application } = this.#context;
    const fault = findChannelNameFault(name);
    if (fault !== undefined) return replyError("badRequest", fault);
    if (application.policyFor(name) === undefined) return replyError("unknownChannel");
    if (this.#open >= maxTails)
      return replyError("tooManyRequests", `${maxTails} tails are open on this node`);
    this.#open++;
    try {
      return await this.#read(name, since, waitMs);
    } finally {
      this.#open--;
    }
  }

  /** Answers all that wait. */
  end(): void {
    this.#isEnded = true;
    for (const reader of [...this.#waiting]) reader.end();
  }

  async #read(name: string, since: Position | undefined, waitMs: number): Promise<TailAnswer> {
    const { channels } = this.#context;
    const channel = await channels.acquire(name);
    try {
      if (since === undefined || this.#isEnded)
        return { publications: none, recovered: true, ...channel.position };
      const isKnown = since.epoch === channel.epoch && since.offset <= channel.head;
      if (!isKnown) return { publications: none, recovered: false, ...channel.position };
      return await this.#readAfter(channel, since, waitMs);
    } finally {
      channels.release(channel);
    }
  }

  async #readAfter(channel: Channel, since: Position, waitMs: number): Promise<TailAnswer> {
    const { epoch, head } = channel;
    if (since.offset === head) return await this.#wait(channel, since, waitMs);
    const kept = channel.publicationsAfter(since.offset) ?? (await this.#readLog(channel.name, since.offset));
    const texts = kept.map((publication) => encodePublication(publication, undefined, true));
    return {
      publications: new RawJson(`[${texts.join(",")}]` as JsonText),
      recovered: kept[0]?.offset === since.offset + 1,
      epoch,
      offset: kept.at(-1)?.offset ?? head,
    };
  }

  async #readLog(name: string, sinceOffset: number): Promise<readonly Publication[]> {
    const { broker, limits } = this.#context;
    const { maxHistoryEntries: maxEntries, maxHistoryBytes: maxBytes } = limits;
    const page = await broker.log.history(name, { sinceOffset, maxEntries, maxBytes, isReverse: false });
    return page.publications;
  }

  #wait(channel: Channel, since: Position, waitMs: number): Promise<TailAnswer> {
    return new Promise((resolve) => {
      const reader = new WaitingReader({
        context: this.#context,
        encoding: this.#context.encoding,
        waitMs,
        onEnd: (outcome) => {
          this.#waiting.delete(reader);
          resolve(this.#answerOf(outcome, since));
        },
      });
      this.#waiting.add(reader);
      reader.start(channel, since.offset);
    });
  }

  #answerOf({ bytes, position }: WaitOutcome, since: Position): TailAnswer {
    const { textOf } = this.#context;
    const { epoch, offset } = since;
    if (bytes === undefined) return { publications: none, recovered: true, epoch, offset };
    return { publications: new RawJson(`[${textOf(bytes)}]` as JsonText), recovered: true, ...position };
  }
}
