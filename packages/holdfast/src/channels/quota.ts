/**
 * Quotas: one rule for everything that users can fill, such as channels, bytes, presence entries and keys (`Quota`), the same within
 * a window of time (`WindowQuota`), and the cost of a channel's tags filters (`FilterLoad`).
 *
 * - A sixteenth is reserved for the server: what it publishes, and the channels that it subscribes clients to.
 * - While half of the bound is free, anybody may use it. Beyond that, each owner has a small share (`userPercent`), so that a few
 *   cannot take everything, yet a single user of an idle server is not limited.
 */
import { HoldfastError } from "../errors.js";
import { memoryOptions } from "../options/limits.js";
import type { TagsFilter } from "../wire/tags-filter.js";

/**
 * Who is charged: `user:…`, or `address:…` for clients without a user. The empty string is an unknown client, which has no share
 * of its own. Undefined is the server.
 */
export type Owner = string | undefined;

export interface Bound {
  /** For all owners together. */
  readonly max: number;
  /** Percent of `max` that one owner may use once half of it is used. */
  readonly userPercent: number;
  /** What is counted, in the plural: "channels of the store". */
  readonly what: string;
  /** The option that sets it. */
  readonly option: string;
}

export const defaultUserPercent = memoryOptions.maxUserPercent.default;
const reservedPart = 16;

export interface Usage {
  readonly all: number;
  readonly own: number;
}

/**
 * Call before adding.
 * @param added how much. @default 1
 * @throws HF_BROKER_FULL naming the bound, or the share
 */
export function assertRoom(bound: Bound, owner: Owner, { all, own }: Usage, added = 1): void {
  const { max, userPercent, what, option } = bound;
  const forClients = max - Math.floor(max / reservedPart);
  if (all + added > (owner === undefined ? max : forClients))
    throw new HoldfastError(
      "HF_BROKER_FULL",
      `the limit of ${max} ${what} is reached (${option}); retry when some have been removed`,
      { details: { quota: option } },
    );
  if (!owner || all + added <= max / 2) return;
  const share = Math.max(1, Math.floor((max * userPercent) / 100));
  if (own + added <= share) return;
  throw new HoldfastError(
    "HF_BROKER_FULL",
    `more than half of the limit of ${max} ${what} is used (${option}), and then each user, or address without a user, may have ${share} of them (maxUserPercent); retry when some have been removed`,
    { details: { quota: "maxUserPercent", share } },
  );
}

/** What each owner uses of one bound, in memory. Owners that use nothing take no memory. */
export class Quota {
  readonly #bound: Bound;
  readonly #counts = new Map<string, number>();
  #all = 0;

  constructor(bound: Bound) {
    this.#bound = bound;
  }

  get all(): number {
    return this.#all;
  }

  of(owner: Owner): number {
    return owner ? (this.#counts.get(owner) ?? 0) : 0;
  }

  /** @throws HF_BROKER_FULL */
  assertRoom(owner: Owner, added = 1): void {
    assertRoom(this.#bound, owner, { all: this.#all, own: this.of(owner) }, added);
  }

  /** @param by negative when something is removed */
  add(owner: Owner, by = 1): void {
    this.#all += by;
    if (!owner || by === 0) return;
    const count = this.of(owner) + by;
    if (count > 0) this.#counts.set(owner, count);
    else this.#counts.delete(owner);
  }
}

const windowParts = 10;

/**
 * What each owner has used of a bound within a sliding window, such as the last five minutes. Times are milliseconds of a clock
 * that only moves forward. What is older than the window may count for a tenth longer.
 */
export class WindowQuota {
  readonly #quota: Quota;
  readonly #partMs: number;
  /** What was used in each part of the window, oldest first. */
  readonly #used = new Map<number, Map<string, number>>();

  constructor(bound: Bound, windowMs: number) {
    this.#quota = new Quota(bound);
    this.#partMs = windowMs / windowParts;
  }

  get all(): number {
    return this.#quota.all;
  }

  /** @throws HF_BROKER_FULL */
  take(owner: Owner, now: number): void {
    const part = Math.floor(now / this.#partMs);
    this.#expire(part);
    this.#quota.assertRoom(owner);
    this.#quota.add(owner);
    let used = this.#used.get(part);
    if (used === undefined) {
      used = new Map();
      this.#used.set(part, used);
    }
    const name = owner ?? "";
    used.set(name, (used.get(name) ?? 0) + 1);
  }

  #expire(now: number): void {
    for (const [part, used] of this.#used) {
      if (part + windowParts >= now) return;
      for (const [owner, count] of used) this.#quota.add(owner, -count);
      this.#used.delete(part);
    }
  }
}

/** About two milliseconds per publication. */
export const maxFilterWeight = 10_000;
export const maxOwnerWeight = maxFilterWeight / 2;

/**
 * Bounds what the tags filters of one channel's readers cost together. Each publication passes through every distinct filter, so
 * their total weight is the cost of a publication; the filters of one owner may have half of it.
 */
export class FilterLoad {
  #weight = 0;
  /** Readers of each filter, by its key. */
  readonly #readers = new Map<string, number>();
  readonly #ofOwners = new Map<string, number>();

  get weight(): number {
    return this.#weight;
  }

  /** Owners with filters. */
  get owners(): number {
    return this.#ofOwners.size;
  }

  /** @returns why the filter cannot be added, or undefined */
  findFault({ key, weight }: TagsFilter, owner: string): string | undefined {
    if (this.#readers.has(key)) return undefined;
    if (this.#weight + weight > maxFilterWeight)
      return `the tags filters of this channel would compare more than ${maxFilterWeight} values for each publication`;
    if ((this.#ofOwners.get(owner) ?? 0) + weight > maxOwnerWeight)
      return `the tags filters of this user would compare more than ${maxOwnerWeight} values for each publication of this channel`;
    return undefined;
  }

  add({ key, weight }: TagsFilter, owner: string): void {
    const readers = this.#readers.get(key) ?? 0;
    if (readers === 0) this.#weight += weight;
    this.#readers.set(key, readers + 1);
    this.#ofOwners.set(owner, (this.#ofOwners.get(owner) ?? 0) + weight);
  }

  remove({ key, weight }: TagsFilter, owner: string): void {
    const readers = (this.#readers.get(key) ?? 0) - 1;
    if (readers > 0) this.#readers.set(key, readers);
    else {
      this.#readers.delete(key);
      this.#weight -= weight;
    }
    const left = (this.#ofOwners.get(owner) ?? 0) - weight;
    if (left > 0) this.#ofOwners.set(owner, left);
    else this.#ofOwners.delete(owner);
  }
}
