/**
 * The contract of a log, which keeps the publications of all channels, and in maps the newest of each key. Presence is
 * broker.ts's, other nodes are cluster.ts's. Implementations live in brokers/ and pass test/conformance/broker.
 *
 * For every log:
 * - Calls for one channel MUST take effect in the order they are made, so an `unsubscribe` followed by a `subscribe`
 *   leaves the node subscribed, and publications are appended in call order.
 * - Offsets MUST count 1, 2, 3 … without gaps within an epoch. A log that has to start over MUST get a new epoch.
 * - After `subscribe` resolves with a position, every later publication MUST reach `onPublication`, in offset order, as
 *   long as no event is lost. Events MAY come before the promise resolves, MAY come twice, out of order or late, and MAY get
 *   lost: the node notices by the offset, and by comparing `heads` from time to time, and repairs itself with `history`.
 * - Positions MUST be those of the log itself, never of a copy that may lag: no position is older than what was acknowledged
 *   before the call.
 * - A log begins with its first publication. Any other call for a channel without a log MUST leave nothing behind that outlasts
 *   the subscription, and returns offset 0 of the epoch that the first publication will have. That epoch MUST stay the same while
 *   the channel is subscribed, and MUST NOT be that of an earlier, forgotten log of the channel.
 * - What users can fill is bounded in total and per owner (quota.ts). The server's own publications, and even more so reserved
 *   ones, MUST be accepted when users are refused. A log that still keeps publications MUST NOT be forgotten to make room.
 * - A node passes the furthest positions that it knows of a channel, one of each epoch, as floors. A log that is behind a floor of its
 *   own epoch has lost what readers were shown, such as a replica that was promoted: it MUST get a new epoch before anything is
 *   appended and before the call resolves, so that no offset ever has two contents. It keeps its publications and their offsets under
 *   the new epoch. Comparing and changing the epoch MUST be one step. A floor of another epoch says nothing.
 * - While the store cannot be reached, calls MUST reject with HF_BROKER_UNAVAILABLE within a few seconds. A publish that was sent
 *   before may have taken effect all the same. `onDisconnect` and `onReconnect` MUST be called in turns.
 * - A publication MUST be readable by `history` before its event is seen and before `publish` resolves.
 * - Arguments and results MUST NOT be changed; entries are shared.
 * - Where retention keeps keys, the newest publication of each key MUST be kept beside the log, as durably as it, until
 *   it is removed or has expired. An expired key is removed by a publication that every reader gets, and MUST stay readable
 *   until that is in the log. Values MUST be those at the position that they are read with, except values whose own offset lies
 *   beyond it.
 */
import type { ClientInfo, Position, Publication, SuppressReason, Version } from "../wire/messages.js";
import type { Payload } from "../wire/payload.js";

export type { SuppressReason } from "../wire/messages.js";

/** How long a channel's log keeps publications; whichever bound is reached first counts. With 0 entries none is kept. */
export interface Retention {
  readonly maxEntries: number;
  readonly maxBytes: number;
  readonly ttlMs: number;
  /** Keeps the newest publication of each key, however old. */
  readonly keys?: KeyRetention;
}

/** Bounds of the keys of a map. */
export interface KeyRetention {
  /** Most keys; publications of further keys are refused. */
  readonly maxKeys: number;
  /** Most keys that one user, or one address without a user, may have set once half of them are used. @default a tenth */
  readonly maxUserKeys?: number;
  /** Most bytes of all values; publications that would exceed it are refused. */
  readonly maxBytes: number;
  /** From the last publication of a key to its removal, in milliseconds. @default never removed */
  readonly ttlMs?: number;
}

/**
 * What must have happened before a publication is acknowledged and delivered:
 * - `memory`: nothing; it is lost with the process, unless it was already written.
 * - `process`: it is written, and survives the end of the process, kill -9 included.
 * - `disk`: it is flushed, and survives the end of the machine.
 * A log that has lost what it delivered MUST start over with a new epoch, so that no reader mistakes one publication for
 * another. A broker without storage treats all of them as `memory`.
 */
export type Durability = "memory" | "process" | "disk";

export interface NewPublication {
  readonly data: Payload;
  /** A newer publication with the same key replaces this one. */
  readonly key?: string;
  /** Removes the key; `data` is `null`. Suppressed if the key has no value. */
  readonly isRemoved?: true;
  /** What keys are ordered by. A finite number. */
  readonly score?: number;
  /**
   * Suppressed unless it is greater than the version of the key's value, or of another epoch. Without a key: than the newest
   * version of the log's publications without a key, at least as long as that one is among the last 100 that are kept.
   */
  readonly version?: Version;
  readonly info?: ClientInfo;
  readonly tags?: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  readonly retention: Retention;
  /** @default "process" */
  readonly durability?: Durability;
  /**
   * A second publish with the same key by the same sender in the same channel has no effect and resolves with the result of
   * the first, suppression included. Holds for 5 minutes by a clock that is never set, and across a restart if the publication
   * survives it.
   */
  readonly idempotencyKey?: string;
  /** Who sent the idempotency key: keys of different senders are unrelated. @default "", the server itself */
  readonly sender?: string;
  /** With a key: publish only if it has no value, or only if it has one. */
  readonly keyMode?: "if_new" | "if_exists";
  /** Who is charged. Undefined: the server, which may use its reserved share. */
  readonly owner?: string;
  /** The furthest positions of the channel that this node knows, one of each epoch. */
  readonly floors?: readonly Position[];
  /** Must not be lost for lack of room: accepted even when the server itself is refused, as long as the reserve lasts. @default false */
  readonly isReserved?: boolean;
}

export interface PublishResult {
  readonly position: Position;
  /** Whether the idempotency key was used before, so that nothing was appended. */
  readonly isDuplicate: boolean;
  /** Why nothing was appended. The position is then the head of the log; for a repeat, the head at the first attempt. */
  readonly suppressed?: SuppressReason;
}

export interface HistoryQuery {
  /** Exclusive: the page begins after it, in reverse before it. Undefined: it begins with the oldest, in reverse with the newest. */
  readonly sinceOffset?: number;
  readonly maxEntries: number;
  /** Most characters or bytes of data, and characters of publishers' infos; the first publication is always included. */
  readonly maxBytes: number;
  readonly isReverse: boolean;
}

export interface HistoryPage {
  /** Ascending, or descending in reverse. Starts later than asked for if older ones are gone. */
  readonly publications: readonly Publication[];
  /** The head of the log at the time of reading. */
  readonly position: Position;
}

export interface KeysQuery {
  /** By key, in the order of code points, or by score, the highest first, and then by key. @default "key" */
  readonly order?: "key" | "score";
  /** Reverses the order. @default false */
  readonly isReverse?: boolean;
  /** The key after which the page begins; with order `score`, also the score it had then. */
  readonly after?: { readonly key: string; readonly score: number };
  readonly maxEntries: number;
  /** Most characters or bytes of data, and characters of publishers' infos; the first publication is always included. */
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

/** What a log reports to its node. Calls MUST NOT throw; the node handles its own errors. */
export interface LogEvents {
  onPublication(channel: string, publication: Publication, epoch: string): void;
  /** The store cannot be reached. Calls reject until `onReconnect`. */
  onDisconnect(): void;
  /** The store is reachable again, and events may be lost: the node compares heads at once. */
  onReconnect(): void;
}

export interface Log {
  /** Set if it may lose what it has acknowledged, so that floors count. */
  readonly canGoBack?: true;
  /** Called once, before anything else. */
  open(events: LogEvents): Promise<void>;
  /** Ends everything; later calls reject with HF_BROKER_CLOSED. */
  close(): Promise<void>;

  /** Subscribes this node to the channel's events: publications, and announcements of the presence store. */
  subscribe(channel: string): Promise<Position>;
  unsubscribe(channel: string): Promise<void>;

  /**
   * Resolves when the publication is as durable as asked.
   * @throws HF_BROKER_FULL if a bound of the broker or its storage is reached, HF_MAP_FULL if one of the map's keys is; nothing
   * is appended then
   * @throws HF_BROKER_UNAVAILABLE if the store cannot be reached; HF_BROKER_UNSUPPORTED if it cannot keep what was asked for, such as
   * durability `disk` or versions
   */
  publish(channel: string, publication: NewPublication, options: PublishOptions): Promise<PublishResult>;
  history(channel: string, query: HistoryQuery): Promise<HistoryPage>;
  /**
   * The heads of many logs in one call. The result has every channel that was asked for, but for those whose part of the store cannot
   * be reached. The heads need not be of the same moment.
   * @param floors the furthest positions that this node knows, by channel, one of each epoch
   * @throws HF_BROKER_UNAVAILABLE if no head can be read
   */
  heads(
    channels: readonly string[],
    floors?: ReadonlyMap<string, readonly Position[]>,
  ): Promise<ReadonlyMap<string, Position>>;

  /** A page of a map's keys, with their values. */
  keys(channel: string, query: KeysQuery): Promise<KeysPage>;
  /** One key's newest publication; undefined if it has none. */
  value(channel: string, key: string): Promise<Publication | undefined>;
  /**
   * Restarts the lifetime of a key, without an event.
   * @returns whether the key has a value
   */
  renewKey(channel: string, key: string): Promise<boolean>;

  /**
   * Removes all publications from the channel's log; keys keep their values. Its epoch and head stay, so that new publications
   * follow what readers have, and readers that resume from before are told of the gap. The caller tells the nodes, through the
   * cluster.
   */
  removeHistory(channel: string): Promise<void>;
}
