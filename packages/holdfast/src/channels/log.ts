/**
 * Contract of what keeps the logs of all channels: publications, and of maps the newest of each key. Says nothing of who is
 * where (presence-store.ts) or of other nodes (cluster.ts). Implementations stand in brokers/ and pass test/conformance/broker.
 *
 * For every log:
 * - Calls for one channel MUST take effect in the order they are made, so an `unsubscribe` followed by a `subscribe`
 *   leaves the node subscribed, and publications are appended in call order.
 * - Offsets MUST count 1, 2, 3 … without gaps within an epoch. A log that has to start afresh MUST get a new epoch.
 * - After `subscribe` resolves with a position, every later publication MUST reach `onPublication`, in offset order, as
 *   long as no event is lost. Events MAY come before the promise resolves, MAY come twice, out of order or late, and MAY get
 *   lost: the node notices by the offset, and by comparing `heads` from time to time, and repairs itself with `history`.
 * - Positions MUST be those of the log itself, never of a copy that may lag: no position is older than what was acknowledged
 *   before the call.
 * - A log begins with its first publication. Any other call for a channel without a log MUST leave nothing behind that outlasts
 *   the subscription, and answers with offset 0 of the epoch that the first publication will have. That epoch MUST stay as
 *   long as the channel is subscribed, and MUST NOT have been that of a log of the channel that was forgotten.
 * - What users can fill is bounded for all and for each owner (quota.ts). What the server itself publishes, and still more
 *   what is reserved, MUST be taken where users are refused. No log with publications that are kept MAY be forgotten for room.
 * - A publication MUST be readable by `history` before its event is seen and before `publish` resolves.
 * - Nothing MUST be changed in what is passed in or handed out; entries are shared.
 * - Where retention keeps keys, the newest publication of each key MUST be kept beside the log, as durably as it, until
 *   it is removed or has expired; a key that expires is removed by a publication that everybody gets, and MUST stay in what
 *   is read until that is in the log. Values MUST be as old or as new as the position that they are read with says, but for
 *   those whose own offset lies beyond it.
 */
import type { ClientInfo, Position, Publication, SuppressReason, Version } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";

export type { SuppressReason } from "../wire/messages.js";

/** How long a channel's log keeps publications; whichever bound is reached first counts. With 0 entries none is kept. */
export interface Retention {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly ttlMs: number;
  /** Keeps the newest publication of each key, however long ago that was. */
  readonly keys?: KeyRetention;
}

/** Bounds of the keys of a map. */
export interface KeyRetention {
  /** Publications of further keys are refused. */
  readonly maxKeys: number;
  /** Of those, how many one user may have set once half of them are taken, an address where there is no user. @default a tenth */
  readonly maxUserKeys?: number;
  /** Of all values together; publications that would take more are refused. */
  readonly maxBytes: number;
  /** From the last publication of a key to its removal, in milliseconds. @default for good */
  readonly ttlMs?: number;
}

/**
 * What must have happened before a publication is acknowledged, and before anybody is told of it:
 * - `memory`: nothing; it is lost with the process, unless it came to be written before.
 * - `process`: it is written, and survives the end of the process, kill -9 included.
 * - `disk`: it is flushed, and survives the end of the machine.
 * A log that has lost what it told of MUST start afresh with a new epoch, so that no reader takes one publication for
 * another. A broker that keeps nothing takes all of them as `memory`.
 */
export type Durability = "memory" | "process" | "disk";

export interface NewPublication {
  readonly data: Payload;
  /** What the publication is about: a newer one with the same key takes its place. */
  readonly key?: string;
  /** Removes the key; `data` is `null`. Only where it has a value. */
  readonly isRemoved?: true;
  /** What keys are ordered by. A finite number. */
  readonly score?: number;
  /** Only where it is greater than that of the key's value, or of another epoch. */
  readonly version?: Version;
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  readonly retention: Retention;
  /** @default "process" */
  readonly durability?: Durability;
  /**
   * A second publish with the same key of the same sender in the same channel has no effect and resolves with what the first
   * one came to, be that a publication or its suppression: for 5 minutes by a clock that is never set back or forward, also
   * when the process has ended in between, as far as the publication has survived that.
   */
  readonly idempotencyKey?: string;
  /** Whose the idempotency key is: senders' keys have nothing to do with each other. @default "", the server itself */
  readonly sender?: string;
  /** With a key: only where that has no value, or has one. */
  readonly keyMode?: "if_new" | "if_exists";
  /** Who publishes. Left out: the server, which may use what is kept for it. */
  readonly owner?: string;
  /** Must not be lost for want of room: taken also where the server itself is refused, as long as the reserve lasts. @default false */
  readonly isReserved?: boolean;
}

export interface PublishResult {
  readonly position: Position;
  /** Whether the idempotency key had been used, so that nothing was appended. */
  readonly isDuplicate: boolean;
  /** Nothing was appended, and the position is that of the log's head; of a repeat, what it was at first. */
  readonly suppressed?: SuppressReason;
}

export interface HistoryQuery {
  /** Exclusive: forward from the offset after it, in reverse from the one before it. Left out: from the end of the log. */
  readonly sinceOffset?: number;
  readonly maxEntries: number;
  /** Characters of data and publishers' infos after which no further publication is added; the first is always there. */
  readonly maxBytes: number;
  readonly isReverse: boolean;
}

export interface HistoryPage {
  /** Ascending, or descending in reverse. Starts later than asked for where older ones are gone. */
  readonly publications: readonly Publication[];
  /** The head of the log at the time of reading. */
  readonly position: Position;
}

export interface KeysQuery {
  /** By key, or by score, the highest first, and then by key. @default "key" */
  readonly order?: "key" | "score";
  /** The other way round. @default false */
  readonly isReverse?: boolean;
  /** The key after which the page begins; with order `score`, also the score it had then. */
  readonly after?: { readonly key: string; readonly score: number };
  readonly maxEntries: number;
  /** Characters of data and publishers' infos after which none is added; the first is always there. */
  readonly maxBytes: number;
}

export interface KeysPage {
  /** The newest publication of each key, never a removal. */
  readonly publications: readonly Publication[];
  readonly hasMore: boolean;
  /** The head of the log at the time of reading. */
  readonly position: Position;
  /** Keys with a value. */
  readonly numKeys: number;
}

/** What a node is told. Calls MUST NOT throw; the node handles its own errors. */
export interface LogEvents {
  onPublication(channel: string, publication: Publication, epoch: string): void;
  /** The log was out of reach and is back, and events may be lost: the node compares heads at once. */
  onReconnect(): void;
}

export interface Log {
  /** Called once, before anything else. */
  open(events: LogEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /** From now on this node wants the channel's events: publications, and what the presence store announces. */
  subscribe(channel: string): Promise<Position>;
  unsubscribe(channel: string): Promise<void>;

  /**
   * Resolves when the publication is as durable as asked.
   * @throws HF_BROKER_FULL when a bound of the broker, or of what it stores on, is reached, HF_MAP_FULL when one of the
   * channel's keys is; nothing was appended then
   */
  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult>;
  history(channel: string, query: HistoryQuery): Promise<HistoryPage>;
  /**
   * Where the logs of many channels end, in one call. Every channel that was asked for is in the answer. The positions need not
   * be of one moment.
   */
  heads(channels: readonly string[]): Promise<ReadonlyMap<string, Position>>;

  /** A page of a map's keys, with their values. */
  keys(channel: string, query: KeysQuery): Promise<KeysPage>;
  /** One key's newest publication; undefined where it has none. */
  value(channel: string, key: string): Promise<Publication | undefined>;
  /**
   * Begins the lifetime of a key that expires anew, and tells nobody.
   * @returns whether the key has a value
   */
  renewKey(channel: string, key: string): Promise<boolean>;

  /**
   * Forgets all publications of the channel's log; keys keep their values. Its epoch and head stay, so that what is published
   * next follows what readers have, and whoever comes back from before is told that something is missing. Nodes are told
   * through the cluster, by the caller.
   */
  removeHistory(channel: string): Promise<void>;
}
