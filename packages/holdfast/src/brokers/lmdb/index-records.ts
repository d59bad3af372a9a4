/** What the index says of channels, and what it is read as. */
import type { Durability, Retention, SuppressReason } from "../../channels/log.js";
import type { Position, Publication } from "../../wire/messages.js";
import type { EntryIndex } from "./entries.js";

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
  /** When it has to be looked at again. */
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
