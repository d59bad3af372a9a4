/** What a log is made with, and what all logs of a store share. */
import type { Owner } from "../../channels/quota.js";
import type { LogIndex } from "./log-index.js";
import type { StoreRoom } from "./store-room.js";

export interface NewLog {
  readonly name: string;
  readonly epoch: string;
  /** Stamp of the epoch's beginning. */
  readonly since: number;
  readonly run: number;
  readonly now: number;
  readonly owner?: Owner;
}

/** What all logs of a store share. */
export interface LogsInUse {
  readonly index: LogIndex;
  /** How long a log that is empty and unused keeps its epoch and offset, in milliseconds. */
  readonly metaTtlMs: number;
  /** Of all tails together, estimated memory. */
  tailBytes: number;
  readonly room: Pick<StoreRoom, "owners" | "unstored">;
  /** Publications of a log, from an offset on, could not be read. */
  readonly onDamage: (channel: string, offset: number) => void;
}
