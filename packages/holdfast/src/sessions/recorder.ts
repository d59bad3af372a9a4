/**
 * The contract of a recorder, which is told what changes for connections and channels, so that it can be said later why a client did
 * or did not get a publication. Nothing is told per publication that is delivered. Implemented in observe/flight-recorder.ts.
 *
 * - Calls MUST NOT throw, and MUST cost little: they stand on the way of commands.
 * - What is kept MUST be bounded in bytes, and MUST NOT contain payloads or tokens.
 */
import type { WhyQuery } from "../channels/cluster.js";
import type { TagsFilter } from "../wire/tags-filter.js";

/** A connection whose user is known. Made by its session, and shared by everything that is recorded of it. */
export interface ConnectionNote {
  /** Connection id. */
  readonly client: string;
  /** User id; empty for an anonymous user. */
  readonly user: string;
  readonly transport: string;
  /** Unix milliseconds. */
  readonly openedAt: number;
  /** Set when its connect command was accepted. */
  connectedAt?: number;
  closedAt?: number;
  /** For the recorder's accounts. */
  segment?: number;
}

/** Why earlier publications were not recovered. */
export type RecoveryRefusal = "epoch" | "ahead" | "expired" | "forbidden" | "unkept" | "off";

export type ConnectionEvent =
  | { readonly kind: "connected" }
  /** @param code of the close, 0 if the client or the network ended it */
  | { readonly kind: "closed"; readonly code: number; readonly reason: string }
  /** The client did not take what was sent to it, or was reading the log. `since` in Unix milliseconds; it ends when this is recorded. */
  | {
      readonly kind: "behind";
      readonly since: number;
      readonly readsLog: boolean;
      readonly isCaughtUp: boolean;
    }
  /** Commands beyond a limit, with the first reason. */
  | { readonly kind: "limited"; readonly code: number; readonly reason: string; readonly count: number }
  /** `start`: the reader has everything up to it; `head`: of the log then. */
  | {
      readonly kind: "subscribed";
      readonly channel: string;
      readonly epoch: string;
      readonly start: number;
      readonly head: number;
      /** Undefined if it did not ask to recover. */
      readonly recovery?: "recovered" | RecoveryRefusal;
      /** Of the recovery, in words. */
      readonly reason?: string;
      readonly isByServer: boolean;
      readonly filter?: TagsFilter;
    }
  | { readonly kind: "refused"; readonly channel: string; readonly code: number; readonly reason: string }
  /**
   * `offset`: the last publication delivered. `code` of the unsubscribe push, 0 by the client itself, 1 at the end of the connection.
   */
  | {
      readonly kind: "unsubscribed";
      readonly channel: string;
      readonly epoch: string;
      readonly offset: number;
      readonly code: number;
      readonly reason: string;
    };

export type ChannelEvent =
  | { readonly kind: "restarted"; readonly channel: string; readonly before: string; readonly epoch: string }
  | { readonly kind: "history removed"; readonly channel: string };

/** What came of a publish. Those without a key that were accepted are in the log, and not recorded. */
export interface PublishEvent {
  readonly kind: "published" | "duplicate" | "suppressed" | "refused" | "unacknowledged";
  readonly channel: string;
  /** User id of a client, or `key` for a program with an API key, `server` for the server's own. */
  readonly by: string;
  readonly idempotencyKey?: string;
  readonly epoch?: string;
  readonly offset?: number;
  readonly code?: number;
  readonly reason?: string;
}

/** A connect command that was refused although the user was known. */
export interface ConnectRefusal {
  readonly user: string;
  readonly client: string;
  readonly code: number;
  readonly reason: string;
}

/** Of the past, as far as it was kept. All times are Unix milliseconds by the node's clock. */
export interface Recollection {
  /** From then on, everything is known; `null` if nothing is recorded. */
  readonly recordedSince: number | null;
  readonly connections: readonly ConnectionFacts[];
  /** Further connections of the user, which are left out. */
  readonly omitted: number;
  readonly refusals: readonly Timed<Omit<ConnectRefusal, "user">>[];
  readonly channel: readonly Timed<ChannelEvent>[];
  readonly publishes: readonly Timed<PublishEvent>[];
  /** Connections that were refused before they said who they are. */
  readonly turnedAway: readonly {
    readonly reason: string;
    readonly count: number;
    readonly first: number;
    readonly last: number;
  }[];
}

export type Timed<T> = T & { readonly at: number };

type Told<E> = E extends { readonly filter?: TagsFilter }
  ? Omit<E, "filter"> & {
      /** Whether its filter keeps the publication in question from it; undefined without a filter. */
      readonly isFiltered?: boolean;
    }
  : E;

export interface ConnectionFacts extends Omit<ConnectionNote, "segment"> {
  /** Of the connection, and of its subscription to the channel, oldest first. */
  readonly events: readonly Timed<Told<ConnectionEvent>>[];
  /** If the connection is open. */
  readonly live?: LiveFacts;
}

/** An open connection at the moment. */
export interface LiveFacts {
  readonly unsentBytes: number;
  readonly behindSince?: number;
  readonly subscription?: {
    readonly epoch: string;
    readonly offset: number;
    readonly head: number;
    readonly state: string;
    readonly isFiltered?: boolean;
  };
}

export interface Recorder {
  record(connection: ConnectionNote, event: ConnectionEvent): void;
  recordRefusal(refusal: ConnectRefusal): void;
  recordChannel(event: ChannelEvent): void;
  recordPublish(event: PublishEvent): void;
  /** A connection was refused before its user was known. */
  turnAway(reason: string): void;
  /** @param open open connections of the user, which count even if nothing is kept of them */
  recall(query: WhyQuery, open: readonly ConnectionNote[]): Recollection;
}

/** Records nothing. */
export const noRecorder: Recorder = Object.freeze({
  record() {},
  recordRefusal() {},
  recordChannel() {},
  recordPublish() {},
  turnAway() {},
  recall: (_query: WhyQuery, open: readonly ConnectionNote[]): Recollection => ({
    recordedSince: null,
    connections: open.map((note) => ({ ...note, events: [] })),
    omitted: 0,
    refusals: [],
    channel: [],
    publishes: [],
    turnedAway: [],
  }),
});
