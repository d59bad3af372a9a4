/**
 * Builds what readers at one cursor get: the entries from there to the head, encoded once per codec and framed once per
 * encoding. All readers at the same cursor share the same bytes.
 */
import type { Payload } from "../wire/codec.js";
import type { Publication, Push } from "../wire/messages.js";
import type { Channel } from "./channel.js";
import type { NewestEntries } from "./newest.js";
import type { Encoding } from "./reader.js";
import type { Entry } from "./ring.js";

/** A batch ends with the entry that takes it past this many characters, so one reader never needs much at once. */
export const maxBatchBytes = 64 * 1024;

export interface Batch {
  /** Undefined where nothing between the cursors is for this reader. */
  readonly bytes: Uint8Array | undefined;
  /** Cursor after the batch. */
  readonly cursor: number;
  /** Offset of the last publication in or before the batch. */
  readonly offset: number;
}

export class BatchCache {
  readonly #channel: Channel;
  /** Per encoding: two batches per cursor, without and with joins and leaves. Emptied when the ring changes or the turn ends. */
  readonly #batches = new Map<Encoding, Map<number, Batch>>();

  constructor(channel: Channel) {
    this.#channel = channel;
  }

  get isEmpty(): boolean {
    return this.#batches.size === 0;
  }

  clear(): void {
    if (this.#batches.size > 0) this.#batches.clear();
  }

  /** @param cursor must lie within the ring */
  get(cursor: number, hasJoinLeave: boolean, encoding: Encoding): Batch {
    const key = cursor * 2 + (hasJoinLeave ? 1 : 0);
    let ofEncoding = this.#batches.get(encoding);
    if (ofEncoding === undefined) {
      ofEncoding = new Map();
      this.#batches.set(encoding, ofEncoding);
    }
    let batch = ofEncoding.get(key);
    if (batch === undefined) {
      batch = this.#build(cursor, hasJoinLeave, encoding);
      ofEncoding.set(key, batch);
    }
    return batch;
  }

  #build(start: number, hasJoinLeave: boolean, encoding: Encoding): Batch {
    const { ring } = this.#channel;
    const messages: Payload[] = [];
    let size = 0;
    let cursor = start;
    let { offset } = ring.at(start);
    while (cursor < ring.next && size < maxBatchBytes) {
      const entry = ring.at(cursor++);
      offset = entry.offset;
      if (!isWanted(this.#channel, entry, hasJoinLeave)) continue;
      const message = encodeEntry(this.#channel, entry, encoding);
      size += message.length;
      messages.push(message);
    }
    return { bytes: frameMessages(messages, encoding), cursor, offset };
  }
}

function isWanted({ newest }: Channel, entry: Entry, hasJoinLeave: boolean): boolean {
  if (entry.kind !== "pub") return hasJoinLeave;
  return newest === undefined || newest.isNewest(entry);
}

/**
 * What a reader of a channel of kind `latest` gets that lags further than the ring reaches: the newest of each key.
 * @param offset at least `newest.from`
 */
export function batchOfNewest(
  channel: Channel,
  newest: NewestEntries,
  offset: number,
  encoding: Encoding,
): Batch {
  const messages: Payload[] = [];
  let size = 0;
  let last = offset;
  for (const entry of newest.after(offset)) {
    if (size >= maxBatchBytes)
      return { bytes: frameMessages(messages, encoding), cursor: channel.cursorAfter(last), offset: last };
    const message = encodeEntry(channel, entry, encoding);
    size += message.length;
    last = entry.offset;
    messages.push(message);
  }
  return { bytes: frameMessages(messages, encoding), cursor: channel.ring.next, offset: channel.head };
}

function encodeEntry(channel: Channel, entry: Entry, { codec }: Encoding): Payload {
  const known = entry.encoded.get(codec.name);
  if (known !== undefined) return known;
  const push: Push =
    entry.kind === "pub"
      ? { kind: "pub", channel: channel.name, publication: shownOf(channel, entry), epoch: channel.epoch }
      : { kind: entry.kind, channel: channel.name, info: entry.info };
  const message = codec.encodePush(push);
  entry.encoded.set(codec.name, message);
  return message;
}

/** Where nothing is kept, offsets say nothing to clients. */
function shownOf({ kind }: Channel, { publication }: Extract<Entry, { kind: "pub" }>): Publication {
  return kind === "live" ? { ...publication, offset: 0 } : publication;
}

/** Publications read from the log, as one framed batch. */
export function framePublications(
  channel: Channel,
  publications: readonly Publication[],
  encoding: Encoding,
): Uint8Array | undefined {
  const messages = conflated(channel, publications).map((publication) =>
    encoding.codec.encodePush({ kind: "pub", channel: channel.name, publication, epoch: channel.epoch }),
  );
  return frameMessages(messages, encoding);
}

/** In channels of kind `latest` only the newest of each key counts. */
export function conflated({ kind }: Channel, publications: readonly Publication[]): readonly Publication[] {
  if (kind !== "latest" || publications.length < 2) return publications;
  const newest = new Map<string, Publication>();
  for (const publication of publications) {
    newest.delete(publication.key ?? "");
    newest.set(publication.key ?? "", publication);
  }
  return [...newest.values()];
}

function frameMessages(messages: readonly Payload[], { codec, frame }: Encoding): Uint8Array | undefined {
  return messages.length === 0 ? undefined : frame(codec.join(messages));
}
