/**
 * What each owner has of a store: logs and bytes, in the index beside the records that it is the sum of, and written in
 * the same transactions. So it survives whatever these do, costs a start nothing, and is kept only of those that have some.
 */
import type { LogIndex } from "./log-index.js";

export interface OwnerRecord {
  /** Records of logs that began with a publication of the owner's. */
  readonly logs: number;
  /** What these keep, as it was charged when they were last written. */
  readonly bytes: number;
}

const nothing: OwnerRecord = Object.freeze({ logs: 0, bytes: 0 });

export class OwnerUse {
  readonly #index: LogIndex;
  /** Put and not written yet. */
  readonly #pending = new Map<string, OwnerRecord>();

  constructor(index: LogIndex) {
    this.#index = index;
  }

  of(owner: string): OwnerRecord {
    return this.#pending.get(owner) ?? this.#index.owner(owner) ?? nothing;
  }

  change(owner: string, change: OwnerRecord, puts: Promise<unknown>[]): void {
    const known = this.of(owner);
    const logs = Math.max(0, known.logs + change.logs);
    const record = { logs, bytes: logs === 0 ? 0 : Math.max(0, known.bytes + change.bytes) };
    this.#pending.set(owner, record);
    const put = logs === 0 ? this.#index.removeOwner(owner) : this.#index.putOwner(owner, record);
    const done = () => {
      if (this.#pending.get(owner) === record) this.#pending.delete(owner);
    };
    put.then(done, done);
    puts.push(put);
  }
}

/** Whole units only, so that records of logs that grow a little are not written for that. */
const chargedUnit = 16 * 1024;

/** @param charged what the log was last charged with */
export function chargeFor(bytes: number, charged: number): number {
  const units = Math.floor(bytes / chargedUnit) * chargedUnit;
  // Logs at their bound go up and down a little all the time.
  return units < charged && bytes > charged - 2 * chargedUnit ? charged : units;
}
