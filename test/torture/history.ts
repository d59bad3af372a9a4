/**
 * What a torture run has seen, for the checker: who published what and was told what, what each reader got in which
 * order, what the logs hold in the end, and when the server died. `at` counts events: a larger one came later.
 */
import type { Loss, Store } from "./channels.js";

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

/** What makes a publication itself, whatever became of it. */
export interface PublicationId {
  readonly publisher: number;
  /** Counts the publisher's publications. */
  readonly n: number;
}

export interface Acknowledgement {
  readonly at: number;
  /** Undefined where the answer has none, as that of the publish command. */
  readonly position?: Position;
  readonly isDuplicate: boolean;
}

/** One time that a publication was sent. Without acknowledgement, nobody knows what became of it. */
export interface Attempt {
  readonly sentAt: number;
  acknowledgement?: Acknowledgement;
}

export interface Published extends PublicationId {
  readonly channel: string;
  /** Idempotency key. Without one a publication is never sent again. */
  readonly key?: string;
  readonly isTagged?: true;
  readonly attempts: Attempt[];
}

export type ReaderEvent =
  | {
      readonly kind: "subscribed";
      readonly at: number;
      readonly connection: number;
      /** What the reader had, and asked to go on from; undefined where it asked for no recovery. */
      readonly asked?: Position;
      /** From here it goes on. */
      readonly position: Position;
      readonly isRecovered: boolean;
    }
  | {
      readonly kind: "delivered";
      readonly at: number;
      readonly connection: number;
      readonly position: Position;
      readonly id: PublicationId;
    }
  /** Told by the server with a code, or answered to the reader's own wish: 0. */
  | {
      readonly kind: "unsubscribed";
      readonly at: number;
      readonly connection: number;
      readonly code: number;
    }
  /** The error of a subscribe command. */
  | { readonly kind: "refused"; readonly at: number; readonly connection: number; readonly code: number }
  | { readonly kind: "closed"; readonly at: number; readonly connection: number };

/** One reader in one channel, over all of its connections. */
export interface Reading {
  readonly reader: string;
  readonly channel: string;
  readonly events: ReaderEvent[];
  /** Whether the reader has asked for publications that are not tagged. */
  readonly onlyUntagged?: true;
  /** Of a map: what the reader has for the value of each key, by the publication's name. */
  values?: Map<string, string>;
}

export interface LogEntry extends PublicationId {
  readonly offset: number;
  /** In channels of the latest: what it is about. */
  readonly key?: string;
}

export interface ChannelLog {
  readonly channel: string;
  /** The head. */
  readonly position: Position;
  /** Ascending. */
  readonly entries: readonly LogEntry[];
  /** Of a map: the publication that is the value of each key. */
  readonly values?: ReadonlyMap<string, string>;
}

/** What one client sees of joins and leaves in one channel, over all of its subscriptions. */
export interface Watch {
  readonly witness: string;
  readonly channel: string;
  readonly events: {
    readonly kind: "join" | "leave";
    readonly subscription: number;
    readonly client: string;
  }[];
}

/** Who is in a channel when everything has come to rest, by connection ids. */
export interface PresenceList {
  readonly channel: string;
  /** The node that was asked. */
  readonly node: number;
  readonly listed: readonly string[];
  /** Who is really subscribed. */
  readonly connected: readonly string[];
}

export interface ServerEnd {
  readonly at: number;
  readonly loss: Loss;
}

export interface History {
  readonly store: Store;
  readonly publications: readonly Published[];
  readonly readings: readonly Reading[];
  readonly ends: readonly ServerEnd[];
  /** Until then readers were given time to come to the end, and nothing ended but by faults. */
  readonly restedAt: number;
  /** When everything had come to rest. */
  readonly logs: readonly ChannelLog[];
  /** The same logs as other nodes give them. */
  readonly logsOfOthers: readonly ChannelLog[];
  /** The same logs after one more kill and restart; empty where there was none. */
  readonly logsAfterRestart: readonly ChannelLog[];
  readonly presence: readonly PresenceList[];
  readonly watches: readonly Watch[];
}

export function nameOf({ publisher, n }: PublicationId): string {
  return `${publisher}/${n}`;
}

/** Counts events, and collects them. */
export class Recorder {
  readonly publications: Published[] = [];
  readonly readings: Reading[] = [];
  readonly watches: Watch[] = [];
  readonly ends: ServerEnd[] = [];
  #now = 0;

  /** The next event's number. */
  tick(): number {
    return ++this.#now;
  }

  publication(id: PublicationId, channel: string, key: string | undefined, isTagged = false): Published {
    const published: Published = {
      ...id,
      channel,
      ...(key !== undefined && { key }),
      ...(isTagged && { isTagged }),
      attempts: [],
    };
    this.publications.push(published);
    return published;
  }

  reading(reader: string, channel: string, onlyUntagged = false): Reading {
    const reading: Reading = { reader, channel, events: [], ...(onlyUntagged && { onlyUntagged }) };
    this.readings.push(reading);
    return reading;
  }

  watch(witness: string, channel: string): Watch {
    const watch: Watch = { witness, channel, events: [] };
    this.watches.push(watch);
    return watch;
  }

  end(loss: Loss): void {
    this.ends.push({ at: this.tick(), loss });
  }
}
