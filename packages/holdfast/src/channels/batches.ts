/**
 * Builds what readers at one cursor get: the entries from there to the head, encoded once per codec and framed once per
 * encoding. All readers at the same cursor share the same bytes.
 */
import type { Encoded } from "../wire/codec.js";
import type { Publication, Push } from "../wire/messages.js";
import type { Channel } from "./channel.js";
import type { NewestEntries } from "./newest.js";
import type { Encoding, Framed } from "./reader.js";
import type { Entry } from "./ring.js";
import { patched, publicationsFor, type View, viewOf } from "./view.js";

/** A batch ends with the entry that takes it past this many characters, so one reader never needs much at once. */
export const maxBatchBytes = 64 * 1024;

export interface Batch {
  /** Undefined where nothing between the cursors is for this reader. */
  readonly framed: Framed | undefined;
  /** Cursor after the batch. */
  readonly cursor: number;
  /** Offset of the last publication in or before the batch. */
  readonly offset: number;
  /** Whether a publication is in it. */
  readonly hasPublication: boolean;
}

export class BatchCache {
  readonly #channel: Channel;
  /** By encoding, view and cursor. Emptied when the ring changes or the turn ends. */
  readonly #batches = new Map<Encoding, Map<string, Map<number, Batch>>>();

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
  get(cursor: number, view: View, encoding: Encoding): Batch {
    let ofEncoding = this.#batches.get(encoding);
    if (ofEncoding === undefined) {
      ofEncoding = new Map();
      this.#batches.set(encoding, ofEncoding);
    }
    let ofView = ofEncoding.get(view.key);
    if (ofView === undefined) {
      ofView = new Map();
      ofEncoding.set(view.key, ofView);
    }
    let batch = ofView.get(cursor);
    if (batch === undefined) {
      batch = this.#build(cursor, view, encoding);
      ofView.set(cursor, batch);
    }
    return batch;
  }

  #build(start: number, view: View, encoding: Encoding): Batch {
    const { ring } = this.#channel;
    const messages: Encoded[] = [];
    let size = 0;
    let cursor = start;
    let { offset } = ring.at(start);
    let before = view.delta === "next" ? publicationBefore(this.#channel, start) : undefined;
    let hasPublication = false;
    while (cursor < ring.next && size < maxBatchBytes) {
      const entry = ring.at(cursor++);
      offset = entry.offset;
      if (!isWanted(this.#channel, entry, view)) continue;
      const base = this.#channel.kind === "map" ? valueBefore(entry, view) : before;
      const message = encodeEntry(this.#channel, entry, encoding, view, base);
      size += message.length;
      messages.push(message);
      if (entry.kind !== "pub") continue;
      hasPublication = true;
      before = entry.publication;
    }
    return { framed: frameMessages(messages, encoding), cursor, offset, hasPublication };
  }
}

/** So many joins and leaves are passed over to find the publication that a patch is for. */
const maxPassedOver = 32;

function publicationBefore({ ring }: Channel, start: number): Publication | undefined {
  const end = Math.max(ring.first, start - maxPassedOver);
  for (let i = start - 1; i >= end; i--) {
    const entry = ring.at(i);
    if (entry.kind === "pub") return entry.publication;
  }
  return undefined;
}

/** A reader that does not have every value yet gets the next ones whole. */
function valueBefore(entry: Entry, { delta }: View): Publication | undefined {
  return entry.kind === "pub" && delta === "next" ? entry.before : undefined;
}

function isWanted({ newest }: Channel, entry: Entry, { hasJoinLeave, filter }: View): boolean {
  if (entry.kind !== "pub") return hasJoinLeave;
  if (filter && !filter.passes(entry.publication.tags)) return false;
  return newest === undefined || newest.isNewest(entry);
}

/**
 * What a reader of a channel of kind `latest` gets that lags further than the ring reaches: the newest of each key.
 * @param offset at least `newest.from`
 */
export function batchOfNewest(
  channel: Channel,
  newest: NewestEntries,
  { offset, view }: { readonly offset: number; readonly view: View },
  encoding: Encoding,
): Batch {
  const messages: Encoded[] = [];
  let size = 0;
  let last = offset;
  const toBatch = (cursor: number, end: number) => ({
    framed: frameMessages(messages, encoding),
    cursor,
    offset: end,
    hasPublication: messages.length > 0,
  });
  for (const entry of newest.after(offset)) {
    if (size >= maxBatchBytes) return toBatch(channel.cursorAfter(last), last);
    last = entry.offset;
    if (!isWanted(channel, entry, view)) continue;
    const message = encodeEntry(channel, entry, encoding, view);
    size += message.length;
    messages.push(message);
  }
  return toBatch(channel.ring.next, channel.head);
}

/** @param before the publication that a reader of patches has */
function encodeEntry(
  channel: Channel,
  entry: Entry,
  { codec }: Encoding,
  { delta }: View,
  before?: Publication,
): Encoded {
  const isDelta = entry.kind === "pub" && delta !== "none";
  const key = isDelta ? `${codec.name} ${before ? "patch" : "full"}` : codec.name;
  const known = entry.encoded.get(key);
  if (known !== undefined) return known;
  const message = codec.encodePush(toPush(channel, entry, isDelta ? { before } : undefined));
  entry.encoded.set(key, message);
  return message;
}

function toPush(channel: Channel, entry: Entry, delta?: { readonly before: Publication | undefined }): Push {
  const { name, epoch } = channel;
  if (entry.kind !== "pub") return { kind: entry.kind, channel: name, info: entry.info };
  const publication = delta ? patched(entry.publication, delta.before) : entry.publication;
  return { kind: "pub", channel: name, publication: shownOf(channel, publication), epoch };
}

/** Where nothing is kept, offsets say nothing to clients. */
function shownOf({ kind }: Channel, publication: Publication): Publication {
  return kind === "live" ? { ...publication, offset: 0 } : publication;
}

/** Publications read from the log, as one framed batch. */
export function framePublications(
  channel: Channel,
  publications: readonly Publication[],
  encoding: Encoding,
  view = viewOf(),
): Framed | undefined {
  const { codec, frame } = encoding;
  const { name, epoch } = channel;
  const shown = publicationsFor(view, conflated(channel, publications));
  if (shown.length === 0) return undefined;
  // Kept for longer than a turn, and so without the texts it is made of.
  const payload = () =>
    codec.join(
      shown.map((publication) => codec.encodePush({ kind: "pub", channel: name, publication, epoch })),
    );
  return { bytes: frame(payload()), payload };
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

function frameMessages(messages: readonly Encoded[], { codec, frame }: Encoding): Framed | undefined {
  if (messages.length === 0) return undefined;
  return { bytes: frame(codec.join(messages)), payload: () => codec.join(messages) };
}
