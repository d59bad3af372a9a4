/**
 * The bytes in the files of a store: frames with a checksum, the publications in them, the runs of the journal, and the records,
 * segments and values of the index. Does no I/O; log-index.ts has the index's keys.
 */
import { crc32 } from "node:zlib";
import type { Durability, Retention, SuppressReason } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { Position, Publication } from "../../wire/messages.js";
import { payloadMemory, payloadSize } from "../../wire/payload.js";
import { decodePublication, encodeAttributes, encodeData } from "../publication-format.js";

const prefixBytes = 8;

export interface Frame {
  readonly header: unknown;
  readonly body: string;
}

export function encodeFrame(header: unknown, body: string): Buffer {
  return encodeBehind(0, header, body);
}

/** Bytes of the length before each frame of a file. */
export const lengthBytes = 4;

/** A frame after its length. */
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

/** @returns undefined if the bytes are damaged */
export function decodeFrame(bytes: Buffer): Frame | undefined {
  if (bytes.length < prefixBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) return undefined;
  const bodyAt = prefixBytes + bytes.readUInt32LE(4);
  if (bodyAt > bytes.length) return undefined;
  try {
    const header: unknown = JSON.parse(bytes.toString("utf8", prefixBytes, bodyAt));
    return { header, body: bytes.toString("utf8", bodyAt) };
  } catch {
    // A checksum may match by chance, or on purpose.
    return undefined;
  }
}

export interface FrameSequence {
  readonly frames: readonly Frame[];
  /** The end of the last good frame, in bytes. */
  readonly goodBytes: number;
  /**
   * How the bytes end: `whole`, after a good frame; `torn`, within a frame whose rest was never written; `damaged`, with bytes that
   * fail their checksum.
   */
  readonly end: "whole" | "torn" | "damaged";
}

/** Decodes consecutive frames, each after its length. */
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

/** Bytes that a publication counts as beyond its texts: about its share of the index of numbers. */
const overheadBytes = 32;

/** For each publication: time (Unix milliseconds), characters of data, characters of everything else. */
export type EntryIndex = readonly number[];

const numbersPerEntry = 3;

export interface EncodedEntries {
  readonly index: EntryIndex;
  readonly body: string;
}

/** The bytes that a publication counts as: about its size in the store. */
export function sizeOf(publication: Publication): number {
  return payloadSize(publication.data) + encodeAttributes(publication).length + overheadBytes;
}

/** Estimated memory of a publication. */
export function memoryOf({ data, info }: Publication): number {
  return payloadMemory(data) + 2 * (info?.connInfo?.length ?? 0) + 200;
}

export function encodeEntries(publications: readonly Publication[]): EncodedEntries {
  const index: number[] = [];
  let body = "";
  for (const publication of publications) {
    const data = encodeData(publication.data);
    const attributes = encodeAttributes(publication);
    index.push(publication.time, data.length, attributes.length);
    body += data + attributes;
  }
  return { index, body };
}

export function countOf(index: EntryIndex): number {
  return index.length / numbersPerEntry;
}

/** Time of the entry at an index. */
export function timeAt(index: EntryIndex, place: number): number {
  return index[numbersPerEntry * place] as number;
}

/** Size of the entry at an index. */
export function sizeAt(index: EntryIndex, place: number): number {
  const at = numbersPerEntry * place;
  return (index[at + 1] as number) + (index[at + 2] as number) + overheadBytes;
}

/** @throws Error if index and body do not match */
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
    publications.push(decodePublication(firstOffset + i / numbersPerEntry, time, data, attributes));
  }
  if (place !== body.length)
    throw new Error(`the entries take ${place} characters, but the body has ${body.length}`);
  return publications;
}

/** Characters of the body for an index. */
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
  /** Offset of the first publication; of the next one if there is none. */
  readonly first: number;
  /** Bytes of all publications before the first. */
  readonly before: number;
  readonly publications: readonly Publication[];
  /** Idempotency keys, with the results of their publishes. */
  readonly keys: readonly RunKey[];
  /** The log's owner; undefined for the server. */
  readonly owner?: Owner;
}

/** The time is the store's own. A suppressed publish has the offset of the log's head. */
export type RunKey = readonly [name: string, offset: number, time: number, suppressed?: SuppressReason];

/** A run in the header of a frame; fields have one letter, since a quiet channel has one run per publication. */
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

/** A frame of the journal, after its length. */
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
      // Later runs need no owner: the record has it.
      ...(run.owner !== undefined && run.first === 1 && { w: run.owner }),
    });
    text += body;
  }
  return encodeFileFrame(header, text);
}

/** @throws Error if the frame's header does not match its body */
export function decodeRuns({ header, body }: Frame): Run[] {
  let at = 0;
  return (header as RunHeader[]).map(({ c, p, s, n, d, r, o, b, e, k = [], w }) => {
    const end = at + bodyLengthOf(e);
    const publications = decodeEntries({ index: e, body: body.slice(at, end) }, o);
    at = end;
    const retention = r && fromStored(r);
    const log = { channel: c, epoch: p, since: s, run: n, durability: d, retention };
    // Keys without a time come from an earlier version, which stored no sender.
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
  /** The weakest durability that the log's publications were acknowledged with. */
  readonly durability: Durability;
  readonly retention: Retention | undefined;
  /** The log's head; segments beyond it count, too. */
  readonly head: number;
  /** Bytes of all publications up to the head, including removed ones. */
  readonly bytes: number;
  /** In a map: the index has the values of keys as of this offset, or later ones. @default 0 */
  readonly valuesTo?: number;
  /** The period in which the sweeper visits the log. */
  readonly due: number;
  /** When the log was last written or read before this record; Unix milliseconds. */
  readonly usedAt: number;
  /** Who published first and is charged; undefined for the server. */
  readonly owner?: string;
  /** Bytes charged to the owner. */
  readonly charged?: number;
}

/** The base of the epochs of new logs, valid while no logs were lost since. */
export interface EpochBase {
  readonly base: string;
  /** The marker's value when the base was created. */
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

/** A key's value, and when its lifetime began, Unix milliseconds. */
export interface StoredValue {
  readonly publication: Publication;
  readonly since: number;
}

/** A segment that cannot be read. */
export interface DamagedSegment {
  readonly first: number;
  readonly isDamaged: true;
}

/** The result of a publish with an idempotency key. */
export interface KeyRecord extends Position {
  /** By the store's own time (`StoreTime`). */
  readonly time: number;
  readonly suppressed?: SuppressReason;
}

/** Bytes of all publications of the log before an offset, which must lie in the segment or right after it. */
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

/** @throws Error if the segment's index does not match its body */
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

/** @returns undefined if the bytes are damaged */
export function decodeValue(bytes: Buffer): StoredValue | undefined {
  const frame = decodeFrame(bytes);
  if (frame === undefined) return undefined;
  const [offset, since, index] = frame.header as [number, number, EntryIndex];
  const [publication] = decodeEntries({ index, body: frame.body }, offset);
  return publication && { publication, since };
}
