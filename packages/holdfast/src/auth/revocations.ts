/**
 * Revoked tokens: single tokens, all tokens of a user, or those issued before a moment. Holds the revocations in force, in memory and
 * bounded; server/revocation-log.ts stores them.
 */
import { HoldfastError, invalidOption } from "../errors.js";
import type { TokenOrigin } from "../sessions/identity.js";

/** Which tokens are revoked: exactly one of the forms. */
export type Revocation = (
  | {
      /** All tokens of the user. The empty user stands for all anonymous connections. */
      readonly user: string;
      /**
       * Only those issued before, in Unix milliseconds. `iat` has whole seconds, so a token of the same second counts as older.
       */
      readonly issuedBefore?: number;
    }
  | {
      /** The claim `jti`. */
      readonly tokenId: string;
    }
  | {
      /** Tokens of all users issued before, in Unix milliseconds. A token without `iat` counts as oldest. */
      readonly issuedBefore: number;
    }
) & {
  /** When the revocation ends, in Unix milliseconds; its tokens should have expired by then. @default in 30 days */
  readonly untilMs?: number;
};

export interface RevocationsOptions {
  /** Unix milliseconds. */
  readonly now: () => number;
  /** @default 100,000 */
  readonly maxEntries?: number;
}

interface Cutoff {
  readonly issuedBefore: number;
  readonly untilMs: number;
}

const defaultMaxEntries = 100_000;
/** How long tokens stay revoked by default: 30 days. */
export const revocationDurationMs = 30 * 24 * 60 * 60 * 1000;
const maxKeyCharacters = 8192;

export class Revocations implements Iterable<Revocation & { readonly untilMs: number }> {
  readonly #now: () => number;
  readonly #maxEntries: number;
  /** When they end, by user and by token id. */
  readonly #users = new Map<string, number>();
  readonly #tokens = new Map<string, number>();
  readonly #userCutoffs = new Map<string, Cutoff>();
  #cutoff: Cutoff | undefined;

  constructor({ now, maxEntries = defaultMaxEntries }: RevocationsOptions) {
    this.#now = now;
    this.#maxEntries = maxEntries;
  }

  /** Entries that count toward the bound. The moment for all users does not. */
  get size(): number {
    return this.#users.size + this.#tokens.size + this.#userCutoffs.size;
  }

  /**
   * Merges with an existing revocation of the same user or token: the later end and the later moment count. One that has ended has no
   * effect. None is dropped to make room for another, since its tokens would be accepted again; `{issuedBefore}` needs no room.
   * @throws HF_REVOCATIONS_FULL if there is no room for a new one
   * @throws HF_OPTION_INVALID if it has none of the forms
   */
  add(revocation: Revocation): void {
    const {
      user,
      tokenId,
      issuedBefore,
      untilMs = this.#now() + revocationDurationMs,
    } = readRevocation(revocation);
    if (untilMs <= this.#now()) return;
    if (tokenId !== undefined) this.#put(this.#tokens, tokenId, (until = 0) => Math.max(until, untilMs));
    else if (user === undefined)
      this.#cutoff = laterCutoff(this.#cutoff, { issuedBefore: issuedBefore ?? 0, untilMs });
    else if (issuedBefore === undefined)
      this.#put(this.#users, user, (until = 0) => Math.max(until, untilMs));
    else this.#put(this.#userCutoffs, user, (cutoff) => laterCutoff(cutoff, { issuedBefore, untilMs }));
  }

  isRevoked({ user, tokenId, issuedAt = 0 }: TokenOrigin): boolean {
    const now = this.#now();
    const isCutOff = (cutoff: Cutoff | undefined) =>
      cutoff !== undefined && cutoff.untilMs > now && issuedAt < cutoff.issuedBefore;
    return (
      (this.#users.get(user) ?? 0) > now ||
      (tokenId !== undefined && (this.#tokens.get(tokenId) ?? 0) > now) ||
      isCutOff(this.#userCutoffs.get(user)) ||
      isCutOff(this.#cutoff)
    );
  }

  /** Drops those that have ended, to free their room. */
  prune(now = this.#now()): void {
    for (const untils of [this.#users, this.#tokens])
      for (const [key, untilMs] of untils) if (untilMs <= now) untils.delete(key);
    for (const [user, { untilMs }] of this.#userCutoffs) if (untilMs <= now) this.#userCutoffs.delete(user);
    if (this.#cutoff && this.#cutoff.untilMs <= now) this.#cutoff = undefined;
  }

  /** Each in the form that {@link add} accepts. */
  *[Symbol.iterator](): Iterator<Revocation & { readonly untilMs: number }> {
    if (this.#cutoff) yield { ...this.#cutoff };
    for (const [user, untilMs] of this.#users) yield { user, untilMs };
    for (const [user, cutoff] of this.#userCutoffs) yield { user, ...cutoff };
    for (const [tokenId, untilMs] of this.#tokens) yield { tokenId, untilMs };
  }

  #put<T>(entries: Map<string, T>, key: string, merge: (known: T | undefined) => T): void {
    if (!entries.has(key) && this.size >= this.#maxEntries) this.prune();
    if (!entries.has(key) && this.size >= this.#maxEntries)
      throw new HoldfastError(
        "HF_REVOCATIONS_FULL",
        `there are ${this.#maxEntries} revocations, the maximum (maxRevocations); {issuedBefore} without a user needs no room`,
      );
    entries.set(key, merge(entries.get(key)));
  }
}

function laterCutoff(known: Cutoff | undefined, { issuedBefore, untilMs }: Cutoff): Cutoff {
  return {
    issuedBefore: Math.max(known?.issuedBefore ?? 0, issuedBefore),
    untilMs: Math.max(known?.untilMs ?? 0, untilMs),
  };
}

interface RevocationFields {
  readonly user?: string;
  readonly tokenId?: string;
  readonly issuedBefore?: number;
  readonly untilMs?: number;
}

function readRevocation(revocation: Revocation): RevocationFields {
  const fields = revocation as RevocationFields;
  const { user, tokenId, issuedBefore, untilMs } = fields;
  if (user === undefined && tokenId === undefined && issuedBefore === undefined)
    refuse("", "one of {user}, {tokenId}, {user, issuedBefore} and {issuedBefore}", "none of them");
  if (tokenId !== undefined && (user !== undefined || issuedBefore !== undefined))
    refuse("", "one of {user}, {tokenId}, {user, issuedBefore} and {issuedBefore}", "several of them");
  for (const [name, value] of Object.entries({ user, tokenId }))
    if (value !== undefined && (typeof value !== "string" || value.length > maxKeyCharacters))
      refuse(
        `.${name}`,
        `a string of up to ${maxKeyCharacters} characters`,
        typeof value === "string" ? "longer" : `of type ${typeof value}`,
      );
  if (tokenId === "") refuse(".tokenId", "a non-empty string", "empty");
  for (const [name, value] of Object.entries({ issuedBefore, untilMs }))
    if (value !== undefined && !Number.isFinite(value))
      refuse(`.${name}`, "Unix milliseconds", String(value).slice(0, 32));
  return fields;
}

function refuse(field: string, accepted: string, given: string): never {
  throw invalidOption(`revocation${field}`, accepted, given);
}
