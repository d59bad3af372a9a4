/**
 * Tokens that are not accepted any more though their signature and their times are right: one token, those of a user, or
 * those issued before some moment. What is in force, in memory and bounded; server/revocation-log.ts keeps them.
 */
import { HoldfastError } from "../errors.js";
import type { TokenOrigin } from "../sessions/identity.js";

/** Which tokens; exactly one of the forms. */
export type Revocation = (
  | {
      /** All tokens of the user, the newest, too. The empty one is that of all anonymous connections. */
      readonly user: string;
      /**
       * Only those issued before, in Unix milliseconds. `iat` counts whole seconds, so a token of the same second is
       * taken for an older one.
       */
      readonly issuedBefore?: number;
    }
  | {
      /** The claim `jti`. */
      readonly tokenId: string;
    }
  | {
      /** Everybody's tokens issued before, in Unix milliseconds. One without `iat` is older than any other. */
      readonly issuedBefore: number;
    }
) & {
  /** When the revocation ends, in Unix milliseconds; the tokens meant should have expired by then. @default in 30 days */
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
/** How long tokens stay revoked where nothing else is said: 30 days. */
export const revocationDurationMs = 30 * 24 * 60 * 60 * 1000;
const maxKeyCharacters = 8192;

export class Revocations implements Iterable<Revocation & { readonly untilMs: number }> {
  readonly #now: () => number;
  readonly #maxEntries: number;
  /** Their ends, by user and by token id. */
  readonly #users = new Map<string, number>();
  readonly #tokens = new Map<string, number>();
  readonly #userCutoffs = new Map<string, Cutoff>();
  #cutoff: Cutoff | undefined;

  constructor({ now, maxEntries = defaultMaxEntries }: RevocationsOptions) {
    this.#now = now;
    this.#maxEntries = maxEntries;
  }

  /** Entries that count toward the bound. The moment that holds for everybody does not. */
  get size(): number {
    return this.#users.size + this.#tokens.size + this.#userCutoffs.size;
  }

  /**
   * One for the same user, token or everybody as one before replaces it by the later end and the later moment. One that
   * has ended does nothing.
   *
   * None is forgotten to make room for another, since its tokens would be accepted again and nobody would know. When it
   * is full, `{issuedBefore}` still works, which needs no room.
   * @throws HF_REVOCATIONS_FULL when there is no room for a new one
   * @throws HF_OPTION_INVALID when it is of none of the forms
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

  /** Forgets those that have ended. Nothing but the room they take depends on it. */
  prune(now = this.#now()): void {
    for (const untils of [this.#users, this.#tokens])
      for (const [key, untilMs] of untils) if (untilMs <= now) untils.delete(key);
    for (const [user, { untilMs }] of this.#userCutoffs) if (untilMs <= now) this.#userCutoffs.delete(user);
    if (this.#cutoff && this.#cutoff.untilMs <= now) this.#cutoff = undefined;
  }

  /** Each in the form that {@link add} takes. */
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
        `${this.#maxEntries} revocations are kept, and no more can be; {issuedBefore} needs no room`,
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
    refuse("", "{user}, {tokenId}, {user, issuedBefore} or {issuedBefore}", "none of them");
  if (tokenId !== undefined && (user !== undefined || issuedBefore !== undefined))
    refuse("", "{user}, {tokenId}, {user, issuedBefore} or {issuedBefore}", "several of them");
  for (const [name, value] of Object.entries({ user, tokenId }))
    if (value !== undefined && (typeof value !== "string" || value.length > maxKeyCharacters))
      refuse(`.${name}`, `a string of up to ${maxKeyCharacters} characters`, "not");
  if (tokenId === "") refuse(".tokenId", "a text", "empty");
  for (const [name, value] of Object.entries({ issuedBefore, untilMs }))
    if (value !== undefined && !Number.isFinite(value))
      refuse(`.${name}`, "Unix milliseconds", String(value).slice(0, 32));
  return fields;
}

function refuse(field: string, accepted: string, given: string): never {
  throw new HoldfastError("HF_OPTION_INVALID", `revocation${field} must be ${accepted}, but is ${given}`, {
    details: { option: `revocation${field}` },
  });
}
