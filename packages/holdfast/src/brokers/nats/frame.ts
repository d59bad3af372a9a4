/**
 * The content of one stored message: publications with consecutive offsets, and what its writer knew of the log, so that the newest
 * message alone says where the log ends, what it keeps, and where to find older ones.
 *
 * Layout: format version, then integers of variable length (varints.ts): epoch as text, number, time, firstOffset, bytesBefore,
 * removedTo, removedBytes, keyedAt, maxEntries, maxBytes, ttlMs, keyId as text, a count of unregistered keys (each keyId, epoch, offset
 * and time), links (a count of levels; per level a count, then sequence and offset of the newest, and of each older one as
 * differences), a count of publications, and those (publication-bytes.ts).
 */
import type { Retention } from "../../channels/log.js";
import { HoldfastError } from "../../errors.js";
import type { Position, Publication } from "../../wire/messages.js";
import type { Link, Links } from "./links.js";
import { readPublication } from "./publication-bytes.js";
import { ByteReader, ByteWriter } from "./varints.js";

export const frameVersion = 1;

/** A publication with an idempotency key that servers do not know, since it was appended without a message id. */
export interface UnregisteredKey extends Position {
  readonly keyId: string;
  /** When it was written, Unix milliseconds. */
  readonly time: number;
}

/** What each message says of its channel's log. */
export interface FrameHead {
  readonly epoch: string;
  /** Counts the channel's messages from 1. */
  readonly number: number;
  /** When the message was written, Unix milliseconds. */
  readonly time: number;
  /** Of the first publication here, or of the next one if there is none. */
  readonly firstOffset: number;
  /** Size of all publications of the log before this message, those that are gone included. */
  readonly bytesBefore: number;
  /** Publications up to this offset are removed, though their messages may still be stored. */
  readonly removedTo: number;
  /** Size of all publications up to `removedTo`. */
  readonly removedBytes: number;
  /** When the last publication with an idempotency key was written, Unix milliseconds; 0 for never. */
  readonly keyedAt: number;
  /** Of the last publish; it applies to the whole log. */
  readonly retention: Retention;
  /** Identifies the idempotency key of the publication here; empty for none. */
  readonly keyId: string;
  /** Those that have to be remembered, with this message's own. */
  readonly unregisteredKeys: readonly UnregisteredKey[];
  readonly links: Links;
}

export class Frame implements FrameHead {
  readonly seq: number;
  readonly epoch: string;
  readonly number: number;
  readonly time: number;
  readonly firstOffset: number;
  readonly bytesBefore: number;
  readonly removedTo: number;
  readonly removedBytes: number;
  readonly keyedAt: number;
  readonly retention: Retention;
  readonly keyId: string;
  readonly unregisteredKeys: readonly UnregisteredKey[];
  readonly links: Links;
  readonly numPublications: number;
  /** Size of the publications here. */
  readonly bytes: number;
  readonly #reader: ByteReader;
  readonly #start: number;

  /**
   * @param seq of the message in its stream
   * @throws HF_STORE_NEWER, HF_STORE_CORRUPT
   */
  constructor(seq: number, content: Uint8Array) {
    const reader = new ByteReader(content);
    this.seq = seq;
    this.#reader = reader;
    try {
      const version = reader.number();
      if (version > frameVersion)
        throw new HoldfastError(
          "HF_STORE_NEWER",
          `message ${seq} was written by a newer version: its format is ${version}, and this version reads ${frameVersion}`,
        );
      this.epoch = reader.text();
      this.number = reader.number();
      this.time = reader.number();
      this.firstOffset = reader.number();
      this.bytesBefore = reader.number();
      this.removedTo = reader.number();
      this.removedBytes = reader.number();
      this.keyedAt = reader.number();
      this.retention = { maxEntries: reader.number(), maxBytes: reader.number(), ttlMs: reader.number() };
      this.keyId = reader.text();
      this.unregisteredKeys = readKeys(reader);
      this.links = readLinks(reader);
      this.numPublications = reader.number();
    } catch (error) {
      throw asCorrupt(seq, error);
    }
    this.#start = reader.at;
    this.bytes = reader.left;
  }

  get lastOffset(): number {
    return this.firstOffset + this.numPublications - 1;
  }

  /** Estimated memory of the whole. */
  get memoryBytes(): number {
    return 500 + this.#start + this.bytes;
  }

  /** Size of all publications up to and with this message. */
  get totalBytes(): number {
    return this.bytesBefore + this.bytes;
  }

  /** @param visitor gets each publication, and the size of all before it; returns false to stop */
  visit(visitor: (publication: Publication, bytesBefore: number) => boolean): void {
    const reader = this.#reader;
    reader.at = this.#start;
    try {
      for (let i = 0; i < this.numPublications; i++) {
        const bytesBefore = this.bytesBefore + reader.at - this.#start;
        if (!visitor(readPublication(reader, this.firstOffset + i), bytesBefore)) return;
      }
    } catch (error) {
      throw asCorrupt(this.seq, error);
    }
  }
}

export function encodeFrame(head: FrameHead, publications: readonly Uint8Array[]): Uint8Array {
  let size = 250 + head.links.length * 100 + head.unregisteredKeys.length * 100;
  for (const each of publications) size += each.length;
  const writer = new ByteWriter(size);
  writer.number(frameVersion);
  writer.text(head.epoch);
  writer.number(head.number);
  writer.number(head.time);
  writer.number(head.firstOffset);
  writer.number(head.bytesBefore);
  writer.number(head.removedTo);
  writer.number(head.removedBytes);
  writer.number(head.keyedAt);
  const { maxEntries, maxBytes, ttlMs } = head.retention;
  for (const bound of [maxEntries, maxBytes, ttlMs])
    writer.number(Math.min(Math.floor(bound), Number.MAX_SAFE_INTEGER));
  writer.text(head.keyId);
  writeKeys(writer, head.unregisteredKeys);
  writeLinks(writer, head.links);
  writer.number(publications.length);
  for (const each of publications) writer.bytes(each);
  return writer.finish();
}

function writeKeys(writer: ByteWriter, keys: readonly UnregisteredKey[]): void {
  writer.number(keys.length);
  for (const { keyId, epoch, offset, time } of keys) {
    writer.text(keyId);
    writer.text(epoch);
    writer.number(offset);
    writer.number(time);
  }
}

function readKeys(reader: ByteReader): UnregisteredKey[] {
  const keys: UnregisteredKey[] = [];
  for (let left = reader.number(); left > 0; left--)
    keys.push({ keyId: reader.text(), epoch: reader.text(), offset: reader.number(), time: reader.number() });
  return keys;
}

function writeLinks(writer: ByteWriter, links: Links): void {
  writer.number(links.length);
  for (const level of links) {
    writer.number(level.length);
    let newer: Link | undefined;
    for (let i = level.length - 1; i >= 0; i--) {
      const link = level[i] as Link;
      writer.number(newer ? newer.seq - link.seq : link.seq);
      writer.number(newer ? newer.offset - link.offset : link.offset);
      newer = link;
    }
  }
}

function readLinks(reader: ByteReader): Links {
  const links: Link[][] = [];
  const numLevels = reader.number();
  for (let level = 0; level < numLevels; level++) {
    const list: Link[] = [];
    let newer: Link | undefined;
    for (let left = reader.number(); left > 0; left--) {
      const seq: number = newer ? newer.seq - reader.number() : reader.number();
      const offset: number = newer ? newer.offset - reader.number() : reader.number();
      newer = { seq, offset };
      list.push(newer);
    }
    links.push(list.reverse());
  }
  return links;
}

function asCorrupt(seq: number, error: unknown): HoldfastError {
  if (error instanceof HoldfastError) return error;
  return new HoldfastError("HF_STORE_CORRUPT", `message ${seq} of the stream is damaged`, { cause: error });
}
