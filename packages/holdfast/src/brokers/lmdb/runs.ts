/** What a frame of the journal says: for each channel in it, a run of publications and what must be known of the log. */
import type { Durability, Retention, SuppressReason } from "../../channels/log.js";
import type { Owner } from "../../channels/quota.js";
import type { Publication } from "../../wire/messages.js";
import { bodyLengthOf, decodeEntries, type EntryIndex, encodeEntries } from "./entries.js";
import { encodeFrame, type Frame } from "./frames.js";

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

/** @param room bytes to leave free before the frame */
export function encodeRuns(runs: Iterable<Run>, room: number): Buffer {
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
  return encodeFrame(header, text, room);
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
