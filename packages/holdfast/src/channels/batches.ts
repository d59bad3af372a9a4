/**
 * Views and batches. A view says what a subscription gets: joins and leaves or not, all publications or those that pass a
 * filter, whole payloads or patches. A batch holds the entries from a cursor to the head for one view, encoded once per codec and
 * framed once per encoding, so that all readers with the same cursor and view share its bytes.
 */
import type { Encoded, Encoder } from "../wire/codec.js";
import { encodeDelta } from "../wire/fossil-delta.js";
import type { Publication, Push } from "../wire/messages.js";
import { isBinary, type Payload } from "../wire/payload.js";
import type { TagsFilter } from "../wire/tags-filter.js";
import type { Channel } from "./channel.js";
import type { Entry, NewestEntries } from "./ring.js";

/** Codec and framing of a reader. Readers with the same encoding object share encoded and framed bytes. */
export interface Encoding<E extends Encoder = Encoder> {
  readonly codec: E;
  /** Wraps a payload for the transport: a WebSocket frame, a line, an event. */
  frame(payload: Encoded): Uint8Array;
}

/** Messages in one frame, shared by all readers of an encoding. Must not be changed. */
export interface Framed {
  readonly bytes: Uint8Array;
  /** How many messages. */
  readonly count: number;
  /** The messages without the frame, to be framed together with others. Encoded on demand. */
  payload(): Encoded;
}

export interface View {
  readonly hasJoinLeave: boolean;
  /** Never together with patches, which need every earlier publication. */
  readonly filter: TagsFilter | undefined;
  /**
   * `first`: the next publication is sent whole, since the reader has nothing to patch; in a map, every publication until the
   * reader has all values.
   */
  readonly delta: "none" | "first" | "next";
  /** Equal for equal views. */
  readonly key: string;
}

export interface ViewOptions {
  readonly hasJoinLeave?: boolean;
  readonly filter?: TagsFilter | undefined;
  readonly isDelta?: boolean;
}

/** Views without a filter, of which there are few. */
const sharedViews = new Map<string, View>();

export function viewOf({ hasJoinLeave = false, filter, isDelta = false }: ViewOptions = {}): View {
  return createView(hasJoinLeave, filter, isDelta && filter === undefined ? "first" : "none");
}

/** The view of a reader after its first publication. */
export function viewAfterPublication(view: View): View {
  return view.delta === "first" ? createView(view.hasJoinLeave, undefined, "next") : view;
}

function createView(hasJoinLeave: boolean, filter: TagsFilter | undefined, delta: View["delta"]): View {
  const key = `${hasJoinLeave ? "j" : ""}${delta === "none" ? "" : delta} ${filter?.key ?? ""}`;
  const known = sharedViews.get(key);
  if (known) return known;
  const view = Object.freeze({ hasJoinLeave, filter, delta, key });
  if (filter === undefined) sharedViews.set(key, view);
  return view;
}

/** Consecutive publications of the log as a view shows them. */
export function publicationsFor(
  { filter, delta }: View,
  publications: readonly Publication[],
): readonly Publication[] {
  if (filter) return publications.filter(({ tags }) => filter.passes(tags));
  if (delta === "none") return publications;
  const values = new Map<string, Publication>();
  return publications.map((publication, i) => {
    const { key } = publication;
    const base = key === undefined ? publications[i - 1] : values.get(key);
    if (key !== undefined) values.set(key, publication);
    return toDelta(publication, base);
  });
}

/**
 * For a reader of patches.
 * @param base the previous publication, in a map of the same key, which the reader has
 * @returns a patch; without a base, or if a patch would not be shorter, the whole publication
 */
export function toDelta(publication: Publication, base: Publication | undefined): Publication {
  return isBase(publication, base) ? toPatch(publication, base.data) : toFull(publication);
}

/** @returns a patch of the base, or the whole publication if that would not be shorter */
export function toPatch(publication: Publication, base: Payload): Publication {
  const patch = patchOf(base, publication.data);
  return patch === undefined ? toFull(publication) : { ...publication, data: patch, delta: "patch" };
}

/** Bytes are sent whole. */
function patchOf(base: Payload, target: Payload): string | undefined {
  return isBinary(base) || isBinary(target) ? undefined : encodeDelta(base, target);
}

/** A whole publication for a reader of patches. */
export function toFull(publication: Publication): Publication {
  return { ...publication, delta: "full" };
}

function isBase(publication: Publication, base: Publication | undefined): base is Publication {
  if (base === undefined || publication.isRemoved || base.isRemoved) return false;
  const { key, offset } = publication;
  return key === undefined ? base.offset === offset - 1 : base.key === key && base.offset < offset;
}

/** A batch ends with the entry that exceeds this many characters, so that no reader takes much at once. */
export const maxBatchBytes = 64 * 1024;

export interface Batch {
  /** Undefined if the view shows none of the entries. */
  readonly framed: Framed | undefined;
  /** Cursor after the batch. */
  readonly cursor: number;
  /** Offset of the last publication in or before the batch. */
  readonly offset: number;
  /** How many publications are in it. */
  readonly publications: number;
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
    let publications = 0;
    while (cursor < ring.next && size < maxBatchBytes) {
      const entry = ring.at(cursor++);
      offset = entry.offset;
      if (!isWanted(this.#channel, entry, view)) continue;
      const base = this.#channel.kind === "map" ? valueBefore(entry, view) : before;
      const message = encodeEntry(this.#channel, entry, encoding, view, base);
      size += message.length;
      messages.push(message);
      if (entry.kind === "announced") before = undefined;
      if (entry.kind !== "pub") continue;
      publications++;
      before = entry.publication;
    }
    return { framed: frameMessages(messages, encoding), cursor, offset, publications };
  }
}

/** Joins and leaves skipped in search of the base of a patch. */
const maxSkipped = 32;

function publicationBefore(channel: Channel, start: number): Publication | undefined {
  const { ring } = channel;
  const end = Math.max(ring.first, start - maxSkipped);
  for (let i = start - 1; i >= end; i--) {
    const entry = ring.at(i);
    if (entry.kind === "pub") return entry.publication;
    // What is announced becomes the base in SDKs, and none knows whether each reader got it.
    if (entry.kind === "announced") return undefined;
  }
  const next = ring.at(start);
  return channel.recoveredAt(next.kind === "pub" ? next.offset - 1 : next.offset);
}

/** A reader that lacks values gets whole ones. */
function valueBefore(entry: Entry, { delta }: View): Publication | undefined {
  return entry.kind === "pub" && delta === "next" ? entry.before : undefined;
}

function isWanted({ newest }: Channel, entry: Entry, { hasJoinLeave, filter }: View): boolean {
  if ("info" in entry) return hasJoinLeave;
  if (filter && !filter.passes(entry.publication.tags)) return false;
  return newest === undefined || entry.kind === "announced" || newest.isNewest(entry);
}

/**
 * The newest publication of each key, for a reader of a `latest` channel whose cursor lies before the ring.
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
    publications: messages.length,
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

/** @param before the base of a patch, which the reader has */
function encodeEntry(
  channel: Channel,
  entry: Entry,
  { codec }: Encoding,
  { delta }: View,
  before?: Publication,
): Encoded {
  const isDelta = !("info" in entry) && delta !== "none";
  const key = isDelta ? `${codec.name} ${before ? "patch" : "full"}` : codec.name;
  const known = entry.encoded.get(key);
  if (known !== undefined) return known;
  const message = codec.encodePush(toPush(channel, entry, isDelta ? { before } : undefined));
  entry.encoded.set(key, message);
  return message;
}

function toPush(channel: Channel, entry: Entry, delta?: { readonly before: Publication | undefined }): Push {
  const { name, epoch } = channel;
  if ("info" in entry) return { kind: entry.kind, channel: name, info: entry.info };
  const publication = delta ? toDelta(entry.publication, delta.before) : entry.publication;
  return { kind: "pub", channel: name, publication: toClientPublication(channel, publication), epoch };
}

/** In live channels offsets mean nothing to clients. */
function toClientPublication({ kind }: Channel, publication: Publication): Publication {
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
  const shown = publicationsFor(view, conflate(channel, publications));
  if (shown.length === 0) return undefined;
  // Kept for longer than a turn, so the text is encoded again when needed.
  const payload = () =>
    codec.join(
      shown.map((publication) => codec.encodePush({ kind: "pub", channel: name, publication, epoch })),
    );
  return { bytes: frame(payload()), count: shown.length, payload };
}

/** In channels of kind `latest` only the newest of each key counts. */
export function conflate({ kind }: Channel, publications: readonly Publication[]): readonly Publication[] {
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
  const payload = () => codec.join(messages);
  return { bytes: frame(payload()), count: messages.length, payload };
}
