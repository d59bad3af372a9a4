/**
 * What the files of a store say, as bytes: frames with a checksum, the publications in them, the runs of the journal, and the
 * records, segments and values of the index. Knows no files; log-index.ts has the index's keys.
 */
import { crc32 } from "node:zlib";
import type { Durability, Retention, SuppressReason } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { ClientInfo, Position, Publication } from "../../wire/messages.js";

const prefixBytes = 8;

export interface Frame {
  readonly header: unknown;
  readonly body: string;
}

export function encodeFrame(header: unknown, body: string): Buffer {
  return encodeBehind(0, header, body);
}

/** Bytes before each frame of a file that say how long it is. */
export const lengthBytes = 4;

/** A frame behind its length. */
export function encodeFileFrame(header: unknown, body: string): Buffer {
  const bytes = encodeBehind(lengthBytes, header, body);
  bytes.writeUInt32LE(bytes.length - lengthBytes, 0);
  return bytes;
}

function encodeBehind(room: number, header: unknown, body: string): Buffer {
  const headerText = JSON.stringify(header);
  const headerBytes = Buffer.byteLength(headerText);
  const bytes = Buffer.allocUnsafe(room + prefixBytes + headerBytes + Buffer.byteLength(body));
  const headerAt = room + prefixBytes;
  bytes.writeUInt32LE(headerBytes, room + 4);
  bytes.write(headerText, headerAt);
  bytes.write(body, headerAt + headerBytes);
  bytes.writeUInt32LE(crc32(bytes.subarray(room + 4)), room);
  return bytes;
}

/** @returns undefined where the bytes are not what was written */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < prefixBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const bodyAt = prefixBytes + bytes.readUInt32LE(4);
  if (bodyAt > bytes.length) return undefined;
  try {
    const header: unknown = JSON.parse(bytes.toString("utf8", prefixBytes, bodyAt));
    return { header, body: bytes.toString("utf8", bodyAt) };
  } catch {
    // A checksum may be right by chance, or by intent.
    return undefined;
  }
}

export interface FrameSequence {
  readonly frames: readonly Frame[];
  /** Where the good frames end, in bytes. */
  readonly goodBytes: number;
  /**
   * How the bytes end: `whole`, after a good frame; `torn`, within a frame whose rest was never written; `damaged`, with
   * something that was not written like this.
   */
  readonly end: "whole" | "torn" | "damaged";
}

/** Frames behind their lengths, one after the other. */
export function decodeFileFrames(bytes: Buffer): FrameSequence {
  const frames: Frame[] = [];
  let at = 0;
  while (at + lengthBytes <= bytes.length) {
    const end = at + lengthBytes + bytes.readUInt32LE(at);
    if (end > bytes.length) break;
    const frame = decodeFrame(bytes.subarray(at + lengthBytes, end));
    if (frame === undefined) return { frames, goodBytes: at, end: "damaged" };
    frames.push(frame);
    at = end;
  }
  return { frames, goodBytes: at, end: at === bytes.length ? "whole" : "torn" };
}

/** What a publication counts for beyond its texts: about what the index of numbers takes for it. */
const overheadBytes = 32;

/** Time (Unix milliseconds), characters of data, characters of everything else; for each publication. */
export type EntryIndex = readonly number[];

const numbersPerEntry = 3;

export interface EncodedEntries {
  readonly index: EntryIndex;
  readonly body: string;
}

/** Bytes that a publication counts for, about what it takes in the store. */
export function sizeOf(publication: Publication): number {
  return publication.data.length + attributesOf(publication).length + overheadBytes;
}

export function encodeEntries(publications: readonly Publication[]): EncodedEntries {
  const index: number[] = [];
  let body = "";
  for (const publication of publications) {
    const attributes = attributesOf(publication);
    index.push(publication.time, publication.data.length, attributes.length);
    body += publication.data + attributes;
  }
  return { index, body };
}

export function countOf(index: EntryIndex): number {
  return index.length / numbersPerEntry;
}

/** Of the entry at a place, counted from 0. */
export function timeAt(index: EntryIndex, place: number): number {
  return index[numbersPerEntry * place] as number;
}

/** Of the entry at a place, counted from 0. */
export function sizeAt(index: EntryIndex, place: number): number {
  const at = numbersPerEntry * place;
  return (index[at + 1] as number) + (index[at + 2] as number) + overheadBytes;
}

/** @throws Error when index and body do not belong together */
export function decodeEntries({ index, body }: EncodedEntries, firstOffset: number): Publication[] {
  const publications: Publication[] = [];
  let place = 0;
  for (let i = 0; i < index.length; i += numbersPerEntry) {
    const [time, dataLength, attributesLength] = index.slice(i, i + numbersPerEntry) as [
      number,
      number,
      number,
    ];
    const data = body.slice(place, place + dataLength);
    place += dataLength;
    const attributes = body.slice(place, place + attributesLength);
    place += attributesLength;
    const offset = firstOffset + i / numbersPerEntry;
    publications.push({ offset, data, time, ...(attributes !== "" && JSON.parse(attributes)) });
  }
  if (place !== body.length)
    throw new Error(`the entries are ${place} characters, and ${body.length} are there`);
  return publications;
}

/** A client publishes many times, so its part of the text is kept. */
const infoTexts = new WeakMap<ClientInfo, string>();

/** Everything but data, time and offset, as JSON; empty where there is nothing else. */
function attributesOf({ info, tags, key, isRemoved, score, version }: Publication): string {
  if (tags === undefined && key === undefined) return info === undefined ? "" : `{"info":${textOf(info)}}`;
  // What is undefined does not come into it.
  return JSON.stringify({ info, tags, key, isRemoved, score, version });
}

function textOf(info: ClientInfo): string {
  let text = infoTexts.get(info);
  if (text === undefined) {
    text = JSON.stringify(info);
    infoTexts.set(info, text);
  }
  return text;
}

/** Characters of the body that belong to an index. */
export function bodyLengthOf(index: EntryIndex): number {
  let length = 0;
  for (let i = 0; i < index.length; i += numbersPerEntry)
    length += (index[i + 1] as number) + (index[i + 2] as number);
  return length;
}

export interface Run {
  readonly channel: string;
  readonly epoch: string;
  /** Stamp of the epoch's beginning. */
  readonly since: number;
  /** The run of the server in which it was written. */
  readonly run: number;
  readonly durability: Durability;
  readonly retention: Retention | undefined;
  /** Of the first publication, or of the next one where there is none. */
  readonly first: number;
  /** Bytes of all publications before the first. */
  readonly before: number;
  readonly publications: readonly Publication[];
  /** Idempotency keys, and what publishing with them came to. */
  readonly keys: readonly RunKey[];
  /** Of the log; undefined for the server. */
  readonly owner?: Owner;
}

/** The time is the store's own. A publish that was suppressed has the offset of the log's head. */
export type RunKey = readonly [name: string, offset: number, time: number, suppressed?: SuppressReason];

/** A run in the header; one letter a field, since there is one for each publication of a quiet channel. */
interface RunHeader {
  readonly c: string;
  readonly p: string;
  readonly s: number;
  readonly n: number;
  readonly d: Durability;
  readonly r?: StoredRetention;
  readonly o: number;
  readonly b: number;
  readonly e: EntryIndex;
  readonly k?: Run["keys"];
  readonly w?: string;
}

type StoredRetention = readonly [
  maxEntries: number,
  maxBytes: number,
  ttlMs: number,
  keys?: Retention["keys"],
];

/** A frame of the journal, behind its length. */
export function encodeRuns(runs: Iterable<Run>): Buffer {
  const header: RunHeader[] = [];
  let text = "";
  for (const run of runs) {
    const { index, body } = encodeEntries(run.publications);
    const { retention } = run;
    header.push({
      c: run.channel,
      p: run.epoch,
      s: run.since,
      n: run.run,
      d: run.durability,
      ...(retention && { r: toStored(retention) }),
      o: run.first,
      b: run.before,
      e: index,
      ...(run.keys.length > 0 && { k: run.keys }),
      // The record says so from then on.
      ...(run.owner !== undefined && run.first === 1 && { w: run.owner }),
    });
    text += body;
  }
  return encodeFileFrame(header, text);
}

/** @throws Error for a frame that says something else than it holds */
export function decodeRuns({ header, body }: Frame): Run[] {
  let at = 0;
  return (header as RunHeader[]).map(({ c, p, s, n, d, r, o, b, e, k = [], w }) => {
    const end = at + bodyLengthOf(e);
    const publications = decodeEntries({ index: e, body: body.slice(at, end) }, o);
    at = end;
    const retention = r && fromStored(r);
    const log = { channel: c, epoch: p, since: s, run: n, durability: d, retention };
    // Keys without a time are of an earlier version, which did not say whose they are.
    const keys = k.filter(([, , time]) => time !== undefined);
    return { ...log, first: o, before: b, publications, keys, ...(w !== undefined && { owner: w }) };
  });
}

function toStored({ maxEntries, maxBytes, ttlMs, keys }: Retention): StoredRetention {
  return keys ? [maxEntries, maxBytes, ttlMs, keys] : [maxEntries, maxBytes, ttlMs];
}

function fromStored([maxEntries, maxBytes, ttlMs, keys]: StoredRetention): Retention {
  return { maxEntries, maxBytes, ttlMs, ...(keys && { keys }) };
}

export interface ChannelRecord {
  readonly epoch: string;
  /** Stamp of the epoch's beginning, see store-marker.ts. */
  readonly since: number;
  /** The run in which it was written. */
  readonly run: number;
  /** The least of those that the log's publications were acknowledged with. */
  readonly durability: Durability;
  readonly retention: Retention | undefined;
  /** The log's head; what is kept beyond it in segments counts, too. */
  readonly head: number;
  /** Bytes of all publications up to the head, those that are gone included. */
  readonly bytes: number;
  /** Of a map: the index has the values of keys as they are after this offset, or later ones. @default 0 */
  readonly valuesTo?: number;
  /** The period in which the sweeper visits the log. */
  readonly due: number;
  /** When the log was last written or asked for, as far as the record says; Unix milliseconds. */
  readonly usedAt: number;
  /** Whose first publication it began with; undefined for the server's own. */
  readonly owner?: string;
  /** Bytes that the owner was charged with. */
  readonly charged?: number;
}

/** What the epochs of new logs are made of, as long as no logs were lost since. */
export interface EpochBase {
  readonly base: string;
  /** Of the marker, when it was made. */
  readonly lostRun: number;
  readonly repairedRun: number;
}

/** A stretch of a log. */
export interface Segment {
  readonly first: number;
  /** Bytes of all publications before it. */
  readonly before: number;
  readonly index: EntryIndex;
  readonly body: string;
}

/** A key's value, and when its time began, Unix milliseconds. */
export interface StoredValue {
  readonly publication: Publication;
  readonly since: number;
}

/** What is left of a segment that cannot be read. */
export interface DamagedSegment {
  readonly first: number;
  readonly isDamaged: true;
}

/** What publishing with an idempotency key came to. */
export interface KeyRecord extends Position {
  /** By the store's own time, see store-time.ts. */
  readonly time: number;
  readonly suppressed?: SuppressReason;
}

/** Bytes of all publications of the log before an offset that lies in the segment, or right after it. */
export function bytesBefore({ first, before, index }: Segment, offset: number): number {
  let bytes = before;
  for (let place = 0; place < offset - first; place++) bytes += sizeAt(index, place);
  return bytes;
}

/** What trimming needs of a segment. */
export type SegmentPart = Pick<Segment, "first" | "index">;

export function covers({ first, index }: SegmentPart, offset: number): boolean {
  return offset >= first && offset < first + countOf(index);
}

export function encodeSegment(publications: readonly Publication[], before: number): Buffer {
  const { index, body } = encodeEntries(publications);
  return encodeFrame([before, index], body);
}

/** @throws Error for a segment that says something else than it holds */
export function publicationsOf({ index, body, first }: Segment): Publication[] {
  return decodeEntries({ index, body }, first);
}

export function decodeSegment(first: number, bytes: Buffer): Segment | DamagedSegment {
  const frame = decodeFrame(bytes);
  if (frame === undefined) return { first, isDamaged: true };
  const [before, index] = frame.header as [number, EntryIndex];
  return { first, before, index, body: frame.body };
}

export function encodeValue({ publication, since }: StoredValue): Buffer {
  const { index, body } = encodeEntries([publication]);
  return encodeFrame([publication.offset, since, index], body);
}

/** @returns undefined where the bytes are not what was written */
export function decodeValue(bytes: Buffer): StoredValue | undefined {
  const frame = decodeFrame(bytes);
  if (frame === undefined) return undefined;
  const [offset, since, index] = frame.header as [number, number, EntryIndex];
  const [publication] = decodeEntries({ index, body: frame.body }, offset);
  return publication && { publication, since };
}
