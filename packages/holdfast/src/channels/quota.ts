/**
 * How a bound for all is shared, by one rule for whatever users can fill: names, bytes, presence entries, keys.
 *
 * - A sixteenth is kept for the server's own side: what it publishes, and the channels that it subscribes clients to.
 * - As long as half of it is free, anybody may take of it. Beyond that, each owner may have a small share (`userPercent`), so
 *   that a few cannot take all of it, and whoever uses much of an idle server is not held up.
 */
import { HoldfastError } from "../errors.js";

/**
 * Whom something is charged to: `user:…`, or `address:…` of somebody without a user; nobody in particular where it is empty,
 * which has no share of its own. Undefined is the server itself.
 */
export type Owner = string | undefined;

export interface Bound {
  /** Of all together. */
  readonly max: number;
  /** Percent of that which one owner may have once half of it is taken. */
  readonly userPercent: number;
  /** What is counted, and of what: "channels of the store". */
  readonly what: string;
  /** What the bound can be changed by. */
  readonly option: string;
}

export const defaultUserPercent = 2;
const reservedPart = 16;

export interface Usage {
  readonly all: number;
  readonly own: number;
}

/**
 * To be asked before something is added.
 * @param added how much. @default 1
 * @throws HF_BROKER_FULL naming the bound, or the share
 */
export function assertRoom(bound: Bound, owner: Owner, { all, own }: Usage, added = 1): void {
  const { max, userPercent, what, option } = bound;
  const forClients = max - Math.floor(max / reservedPart);
  if (all + added > (owner === undefined ? max : forClients))
    throw new HoldfastError(
      "HF_BROKER_FULL",
      `the limit of ${max} ${what} is reached (${option}); there is room again as others go`,
      { details: { quota: option } },
    );
  if (!owner || all + added <= max / 2) return;
  const share = Math.max(1, Math.floor((max * userPercent) / 100));
  if (own + added <= share) return;
  throw new HoldfastError(
    "HF_BROKER_FULL",
    `more than half of ${max} ${what} are taken (${option}), and then each user, or address of those without one, may have ${share} of them (maxUserPercent); there is room again as some go`,
    { details: { quota: "maxUserPercent", share } },
  );
}

/** What each owner has of one bound, in memory. Only those that have something are kept. */
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

  /** @param by less than 0 where something goes */
  add(owner: Owner, by = 1): void {
    this.#all += by;
    if (!owner || by === 0) return;
    const count = this.of(owner) + by;
    if (count > 0) this.#counts.set(owner, count);
    else this.#counts.delete(owner);
  }
}
