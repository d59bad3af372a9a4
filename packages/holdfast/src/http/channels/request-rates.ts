/**
 * How fast requests may come, and how many may wait. A request has no connection to be limited by, so its user is, or its
 * address if it is anonymous.
 */
import { PeerCounts, toPeerKey } from "../../requests/addresses.js";
import { type HttpRefusal, retryAfter, tooMany } from "../../requests/refusals.js";
import type { SessionLimits } from "../../sessions/context.js";
import { busyText, costOfBadToken, retryAfterMs, type Work, type WorkAccount } from "../../sessions/work.js";
import type { Clock } from "../../time/clock.js";
import { TokenBuckets } from "../../time/token-bucket.js";
import { replyError } from "../../wire/codes.js";

export type RequestLimits = Pick<
  SessionLimits,
  | "commandsPerSecond"
  | "commandBurst"
  | "publishesPerSecond"
  | "publishBurst"
  | "userPublishesPerSecond"
  | "userPublishBurst"
  | "workPerSecond"
> & {
  /** In all; `null` for no limit. */
  readonly maxWaitingRequests: number | null;
  readonly maxAddressWaitingRequests: number | null;
};

export interface RequestRatesContext {
  readonly limits: RequestLimits;
  readonly clock: Clock;
  /** Shared with connections of the same users. */
  readonly userPublishes: TokenBuckets | undefined;
  /** Shared with connections. */
  readonly work: Work;
  /** The key an address is counted by; empty if it is not counted, which leaves the bounds for all. */
  readonly peerKeyOf: (address: string) => string;
}

/** How long a client should stay away when too many requests wait. */
const fullRetryMs = 5000;

export class RequestRates {
  readonly #context: RequestRatesContext;
  readonly #requests: TokenBuckets | undefined;
  readonly #publishes: TokenBuckets | undefined;
  readonly #waiting = new PeerCounts();
  #waitingCount = 0;

  constructor(context: RequestRatesContext) {
    this.#context = context;
    const { commandsPerSecond, commandBurst, publishesPerSecond, publishBurst } = context.limits;
    if (commandsPerSecond !== null)
      this.#requests = new TokenBuckets({ perSecond: commandsPerSecond, burst: commandBurst });
    if (publishesPerSecond !== null)
      this.#publishes = new TokenBuckets({ perSecond: publishesPerSecond, burst: publishBurst });
  }

  /** Requests that wait. */
  get waitingCount(): number {
    return this.#waitingCount;
  }

  /** Addresses with waiting requests. */
  get waitingAddresses(): number {
    return this.#waiting.size;
  }

  /** Counts a request. @returns why it is refused */
  take(address: string): HttpRefusal | undefined {
    const { clock, limits, peerKeyOf } = this.#context;
    const key = peerKeyOf(address);
    if (key === "") return undefined;
    const waitMs = this.#requests?.take(key, clock.elapsed()) ?? 0;
    if (waitMs === 0) return this.#findDebt(address);
    return tooMany(`an address may send ${limits.commandsPerSecond} requests per second`, waitMs);
  }

  /** Charges the address for an unrecognized token, which limits guessing. */
  chargeBadToken(address: string): void {
    const account = this.accountOf("", address);
    account.charge(costOfBadToken);
    account.release();
  }

  /** The account a request's cost is charged to; to be released. @param user empty for an anonymous client */
  accountOf(user: string, address: string): WorkAccount {
    const { work, peerKeyOf } = this.#context;
    const ofAddress = peerKeyOf(address) === "" ? undefined : accountKeyOf(address);
    return work.account(user === "" ? ofAddress : `user ${user}`);
  }

  /** @returns why nothing costly is started for it at the moment */
  findWorkRefusal(account: WorkAccount): HttpRefusal | undefined {
    const { work } = this.#context;
    if (work.isLagging && !account.isWithinShare) return unavailable(busyText, retryAfterMs);
    return this.#refuseDebt(account.waitMs());
  }

  /** Resolves when it is the turn of work that costs so many units. */
  turn(units: number): Promise<void> {
    return this.#context.work.turn(units);
  }

  /** Counts a publication. @param user empty for an anonymous client @returns why it is refused */
  takePublish(user: string, address: string): HttpRefusal | undefined {
    const { clock, limits, userPublishes, work } = this.#context;
    if (work.isLagging) return unavailable(busyText, retryAfterMs);
    const now = clock.elapsed();
    const [key, who] = user === "" ? [accountKeyOf(address), "an address"] : [`user ${user}`, "a user"];
    const waitMs = this.#publishes?.take(key, now) ?? 0;
    if (waitMs > 0)
      return tooMany(
        `${who} may publish ${limits.publishesPerSecond} times per second here, with bursts of ${limits.publishBurst}`,
        waitMs,
      );
    const sharedWaitMs = user === "" ? 0 : (userPublishes?.take(user, now) ?? 0);
    if (sharedWaitMs === 0) return undefined;
    return tooMany(
      `a user may publish ${limits.userPublishesPerSecond} times per second, with bursts of ${limits.userPublishBurst}`,
      sharedWaitMs,
    );
  }

  /** One more request is to wait. @returns why it may not, or what to call once when it no longer waits */
  enter(address: string): HttpRefusal | (() => void) {
    const { limits, peerKeyOf } = this.#context;
    const { maxWaitingRequests: maxTotal, maxAddressWaitingRequests: maxOfAddress } = limits;
    const key = peerKeyOf(address);
    if (maxTotal !== null && this.#waitingCount >= maxTotal)
      return unavailable(`at most ${maxTotal} requests may wait`, fullRetryMs);
    if (key !== "" && maxOfAddress !== null && this.#waiting.countOf(key) >= maxOfAddress)
      return unavailable(`at most ${maxOfAddress} requests of an address may wait`, fullRetryMs);
    this.#waitingCount++;
    const place = key === "" ? undefined : this.#waiting.enter(key);
    return () => {
      this.#waitingCount--;
      this.#waiting.leave(place);
    };
  }

  #findDebt(address: string): HttpRefusal | undefined {
    const account = this.accountOf("", address);
    const refusal = this.#refuseDebt(account.waitMs());
    account.release();
    return refusal;
  }

  #refuseDebt(waitMs: number): HttpRefusal | undefined {
    if (waitMs === 0) return undefined;
    return tooMany(
      `at most ${this.#context.limits.workPerSecond} units of work per second are accepted`,
      waitMs,
    );
  }
}

function accountKeyOf(address: string): string {
  return `address ${toPeerKey(address)}`;
}

function unavailable(reason: string, waitMs: number): HttpRefusal {
  const error = { ...replyError("limitExceeded", reason), isTemporary: true };
  return { status: 503, error, headers: retryAfter(waitMs) };
}
