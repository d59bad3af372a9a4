/** Reads one channel's messages: the newest, older ones by their links, and pages of history. Recent ones are cached, for all channels. */
import type { HistoryPage, HistoryQuery } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Position, Publication } from "../../wire/messages.js";
import { PageBuilder } from "../publication-format.js";
import { Frame } from "./frame.js";
import type { JetStream } from "./jetstream.js";
import { findLinks, type Link } from "./links.js";
import type { ChannelSubject } from "./subjects.js";

/** Messages that are read at once. */
const maxParallel = 32;
const minWindow = 64;
/** Offsets, and messages, that are searched for a key. */
const searchedWindow = 256;
const maxSearched = 20_000;

/** Messages never change, so they can be kept. */
export class FrameCache {
  readonly #maxBytes: number;
  readonly #frames = new Map<string, Frame>();
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(stream: string, seq: number): Frame | undefined {
    return this.#frames.get(`${stream} ${seq}`);
  }

  add(stream: string, frame: Frame): void {
    const key = `${stream} ${frame.seq}`;
    if (this.#frames.has(key)) return;
    this.#frames.set(key, frame);
    this.#bytes += frame.memoryBytes;
    for (const [oldest, { memoryBytes }] of this.#frames) {
      if (this.#bytes <= this.#maxBytes) return;
      this.#frames.delete(oldest);
      this.#bytes -= memoryBytes;
    }
  }
}

export class ChannelMessages {
  readonly #jetStream: JetStream;
  readonly #cache: FrameCache;

  constructor(jetStream: JetStream, cache: FrameCache) {
    this.#jetStream = jetStream;
    this.#cache = cache;
  }

  /** The newest message; undefined if the channel has none. */
  async last({ stream, log }: ChannelSubject): Promise<Frame | undefined> {
    const message = await this.#jetStream.last(stream, log);
    return message && new Frame(message.seq, message.content);
  }

  /** @returns undefined if the message is gone */
  async get({ stream, log }: ChannelSubject, seq: number): Promise<Frame | undefined> {
    const cached = this.#cache.get(stream, seq);
    if (cached) return cached;
    const message = await this.#jetStream.get(stream, log, seq);
    if (message === undefined) return undefined;
    // A copy: the content lies in what was read from the socket.
    const frame = new Frame(seq, new Uint8Array(message.content));
    this.#cache.add(stream, frame);
    return frame;
  }

  /** The message that holds an offset; undefined if it is gone. */
  async holding(subject: ChannelSubject, head: Frame, offset: number): Promise<Frame | undefined> {
    const load = (link: Link) => this.get(subject, link.seq);
    const link = (await findLinks(head, offset, offset, load)).at(-1);
    if (link === undefined) return undefined;
    return link.seq === head.seq ? head : await load(link);
  }

  /**
   * The publication with an idempotency key, of those written since.
   * @param since Unix milliseconds
   * @throws HF_BROKER_UNAVAILABLE if there are too many to look at
   */
  async findKey(
    subject: ChannelSubject,
    head: Frame,
    keyId: string,
    since: number,
  ): Promise<Position | undefined> {
    const load = (link: Link) => this.get(subject, link.seq);
    let left = maxSearched;
    for (let to = head.lastOffset; to > head.removedTo; to -= searchedWindow) {
      const from = Math.max(head.removedTo + 1, to - searchedWindow + 1);
      const links = [...(await findLinks(head, from, to, load))].reverse();
      left -= links.length;
      if (left < 0)
        throw new HoldfastError(
          "HF_BROKER_UNAVAILABLE",
          "an attempt with this idempotency key has failed in NATS: try again in some minutes",
        );
      for (let i = 0; i < links.length; i += maxParallel) {
        const frames = await Promise.all(links.slice(i, i + maxParallel).map(load));
        for (const frame of frames) {
          if (frame === undefined || frame.time < since) return undefined;
          if (frame.keyId === keyId) return { epoch: frame.epoch, offset: frame.firstOffset };
        }
      }
    }
    return undefined;
  }

  /** @param now Unix milliseconds, by which publications expire */
  async page(subject: ChannelSubject, head: Frame, query: HistoryQuery, now: number): Promise<HistoryPage> {
    const position: Position = { epoch: head.epoch, offset: head.lastOffset };
    const page = new PageBuilder(query);
    const oldest = Math.max(head.removedTo + 1, head.lastOffset - head.retention.maxEntries + 1, 1);
    const { sinceOffset, isReverse, maxEntries } = query;
    let window = Math.min(Math.max(maxEntries, minWindow), 1024);
    if (isReverse) {
      let to = Math.min((sinceOffset ?? head.lastOffset + 1) - 1, head.lastOffset);
      for (; to >= oldest && !page.isFull; to -= window) {
        const from = Math.max(oldest, to - window + 1);
        if (!(await this.#addRange(subject, head, page, from, to, isReverse, now))) break;
      }
    } else {
      let from = Math.max((sinceOffset ?? 0) + 1, oldest);
      while (from <= head.lastOffset && !page.isFull) {
        const to = Math.min(head.lastOffset, from + window - 1);
        await this.#addRange(subject, head, page, from, to, isReverse, now);
        from = to + 1;
        // Nothing but expired ones so far: search in larger steps.
        if (page.publications.length === 0) window *= 2;
      }
    }
    return { publications: page.publications, position };
  }

  /** @returns whether older publications may still be retained */
  async #addRange(
    subject: ChannelSubject,
    head: Frame,
    page: PageBuilder,
    from: number,
    to: number,
    isReverse: boolean,
    now: number,
  ): Promise<boolean> {
    const { maxBytes, ttlMs } = head.retention;
    const links = [...(await findLinks(head, from, to, (link) => this.get(subject, link.seq)))];
    if (isReverse) links.reverse();
    let hasExpired = links.length === 0;
    for (let i = 0; i < links.length && !page.isFull; i += maxParallel) {
      const frames = await Promise.all(
        links.slice(i, i + maxParallel).map(({ seq }) => (seq === head.seq ? head : this.get(subject, seq))),
      );
      for (const frame of frames) {
        if (frame === undefined) continue;
        const kept: Publication[] = [];
        frame.visit((publication, bytesBefore) => {
          const { offset, time } = publication;
          if (offset < from || offset > to) return offset < from;
          if (head.totalBytes - bytesBefore > maxBytes || now - time >= ttlMs) hasExpired = true;
          else kept.push(publication);
          return true;
        });
        if (isReverse) kept.reverse();
        for (const publication of kept) page.add(publication);
      }
    }
    return !hasExpired;
  }
}
