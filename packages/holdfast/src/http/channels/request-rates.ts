/**
 * How fast requests come, and how many wait. A request has no connection of its own to be bound by, so its user is, or,
 * where it is anonymous, its address.
 */
import { isLoopbackAddress, toPeerKey } from "../../requests/addresses.js";
import { type HttpRefusal, tooMany } from "../../requests/refusals.js";
import type { SessionLimits } from "../../sessions/limits.js";
import {
  busyText,
  costOfBadToken,
  retryAfterMs,
  TokenBuckets,
  type Work,
  type WorkAccount,
} from "../../sessions/work.js";
import type { Clock } from "../../time/clock.js";
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
  /** Of all together; `null` for no bound. */
  readonly maxWaitingRequests: number | null;
  readonly maxAddressWaitingRequests: number | null;
};

export interface RequestRatesContext {
  readonly limits: RequestLimits;
  readonly clock: Clock;
  /** Shared with connections of the same users. */
  readonly userPublishes: TokenBuckets | undefined;
  /** The same. */
  readonly work: Work;
  /** Without a trusted proxy, what comes from a loopback address may be everybody, and is bounded only all together. */
  readonly countsLoopback: boolean;
}

/** How long a client that is refused for the number that waits should stay away, in seconds. */
const fullRetrySeconds = 5;

export class RequestRates {
  readonly #context: RequestRatesContext;
  readonly #requests: TokenBuckets | undefined;
  readonly #publishes: TokenBuckets | undefined;
  readonly #waiting = new Map<string, number>();
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

  /** Addresses that requests wait from. */
  get waitingAddresses(): number {
    return this.#waiting.size;
  }

  /** A request has come. @returns why it is not looked at */
  take(address: string): HttpRefusal | undefined {
    if (!this.#counts(address)) return undefined;
    const { clock, limits } = this.#context;
    const waitMs = this.#requests?.take(toPeerKey(address), clock.elapsed()) ?? 0;
    if (waitMs === 0) return this.#findDebt(address);
    return tooMany(`${limits.commandsPerSecond} requests a second of one address are accepted`, waitMs);
  }

  /** The address has shown a token that is none: guessing is bounded by what it costs. */
  noteBadToken(address: string): void {
    if (!this.#counts(address)) return;
    const account = this.#context.work.account(keyOfAddress(address));
    account.charge(costOfBadToken);
    account.release();
  }

  /** What a request costs is charged to. To be released. @param user empty for an anonymous one */
  accountOf(user: string, address: string): WorkAccount {
    const ofAddress = this.#counts(address) ? keyOfAddress(address) : undefined;
    return this.#context.work.account(user === "" ? ofAddress : `user ${user}`);
  }

  /** @returns why nothing costly is begun for it at the moment */
  findWorkRefusal(account: WorkAccount): HttpRefusal | undefined {
    const { work } = this.#context;
    if (work.isLagging && !account.isWithinShare) return refuseFor(busyText, Math.ceil(retryAfterMs / 1000));
    return this.#refuseDebt(account.waitMs());
  }

  /** Resolves when it is the turn of something that costs so much. */
  turn(units: number): Promise<void> {
    return this.#context.work.turn(units);
  }

  #findDebt(address: string): HttpRefusal | undefined {
    const account = this.#context.work.account(keyOfAddress(address));
    const refusal = this.#refuseDebt(account.waitMs());
    account.release();
    return refusal;
  }

  #refuseDebt(waitMs: number): HttpRefusal | undefined {
    if (waitMs === 0) return undefined;
    return tooMany(`${this.#context.limits.workPerSecond} units of work a second are accepted`, waitMs);
  }

  /** @param user empty for an anonymous one */
  takePublish(user: string, address: string): HttpRefusal | undefined {
    const { clock, limits, userPublishes, work } = this.#context;
    if (work.isLagging) return refuseFor(busyText, Math.ceil(retryAfterMs / 1000));
    const now = clock.elapsed();
    const key = user === "" ? keyOfAddress(address) : `user ${user}`;
    const waitMs = this.#publishes?.take(key, now) ?? 0;
    const whose = user === "" ? "address" : "user";
    if (waitMs > 0)
      return tooMany(
        `${limits.publishesPerSecond} publications a second of one ${whose} are accepted here, ${limits.publishBurst} at once`,
        waitMs,
      );
    const sharedMs = user === "" ? 0 : (userPublishes?.take(user, now) ?? 0);
    if (sharedMs === 0) return undefined;
    return tooMany(
      `${limits.userPublishesPerSecond} publications a second of one user are accepted, ${limits.userPublishBurst} at once`,
      sharedMs,
    );
  }

  /** One more request is to wait. @returns why it may not, or what is called once when it waits no more */
  enter(address: string): HttpRefusal | (() => void) {
    const { maxWaitingRequests, maxAddressWaitingRequests } = this.#context.limits;
    const key = toPeerKey(address);
    const ofAddress = this.#waiting.get(key) ?? 0;
    if (maxWaitingRequests !== null && this.#waitingCount >= maxWaitingRequests)
      return full(`${maxWaitingRequests} requests may wait`);
    const isBounded = maxAddressWaitingRequests !== null && this.#counts(address);
    if (isBounded && ofAddress >= maxAddressWaitingRequests)
      return full(`${maxAddressWaitingRequests} requests of one address may wait`);
    this.#waitingCount++;
    this.#waiting.set(key, ofAddress + 1);
    return () => this.#leave(key);
  }

  #leave(key: string): void {
    this.#waitingCount--;
    const left = (this.#waiting.get(key) ?? 0) - 1;
    if (left > 0) this.#waiting.set(key, left);
    else this.#waiting.delete(key);
  }

  #counts(address: string): boolean {
    // Empty once the socket is gone, and then there is nobody to answer.
    return address !== "" && (this.#context.countsLoopback || !isLoopbackAddress(address));
  }
}

function keyOfAddress(address: string): string {
  return `address ${toPeerKey(address)}`;
}

function full(reason: string): HttpRefusal {
  return refuseFor(reason, fullRetrySeconds);
}

function refuseFor(reason: string, seconds: number): HttpRefusal {
  const error = { ...replyError("limitExceeded", reason), isTemporary: true };
  return { status: 503, error, headers: { "Retry-After": String(seconds) } };
}
