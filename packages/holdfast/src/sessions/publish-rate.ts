/** How fast one connection may publish: for itself, and together with the others of its user. */

import { TokenBucket } from "../time/token-bucket.js";
import type { SessionContext } from "./context.js";
import type { SessionLimits } from "./limits.js";
import { TokenBuckets } from "./token-buckets.js";

/** How fast users publish, over all of their connections; undefined for no bound. */
export function createUserPublishes(limits: SessionLimits): TokenBuckets | undefined {
  const { userPublishesPerSecond: perSecond, userPublishBurst: burst } = limits;
  return perSecond === null ? undefined : new TokenBuckets({ perSecond, burst });
}

/** Why a publication is not taken: in text for the client, and whether the connection must end. */
export interface RateRefusal {
  readonly isClosing: boolean;
  readonly text: string;
}

/** Made with a connection's first publication, so that those that only read need no room for it. */
export class PublishRate {
  readonly #limits: SessionContext["limits"];
  readonly #user: string;
  /** Of all users. */
  readonly #buckets: TokenBuckets | undefined;
  readonly #own: TokenBucket | undefined;
  readonly #shared: TokenBucket | undefined;
  /** Publications that the user's rate has refused this connection, less those it has let through since. */
  #refused = 0;

  /** @param user empty for an anonymous one, who shares nothing */
  constructor(user: string, { limits, userPublishes }: SessionContext, now: number) {
    this.#limits = limits;
    this.#user = user;
    this.#buckets = user === "" ? undefined : userPublishes;
    const { publishesPerSecond, publishBurst } = limits;
    this.#own =
      publishesPerSecond === null ? undefined : new TokenBucket(publishesPerSecond, publishBurst, now);
    this.#shared = this.#buckets?.hold(user, now);
  }

  /** @returns undefined for a publication that is within the rates */
  take(now: number): RateRefusal | undefined {
    const rate = this.#own?.take(now) ?? "ok";
    if (rate !== "ok") return this.#refuseOwn(rate === "overdrawn", now);
    if (this.#shared?.tryTake(now) === false) return this.#refuseShared(now);
    if (this.#refused > 0) this.#refused--;
    return undefined;
  }

  /** The connection has ended. */
  stop(now: number): void {
    this.#buckets?.release(this.#user, now);
  }

  #refuseOwn(isClosing: boolean, now: number): RateRefusal {
    const { publishesPerSecond, publishBurst } = this.#limits;
    const wait = waitText(this.#own?.waitMs(now) ?? 0);
    const text = `${publishesPerSecond} publications a second of one connection are accepted, ${publishBurst} at once${wait}`;
    return { isClosing, text };
  }

  /** Nothing is taken on credit here, for it would be the credit of connections that have done nothing. */
  #refuseShared(now: number): RateRefusal {
    const { userPublishesPerSecond, userPublishBurst } = this.#limits;
    this.#refused++;
    const wait = waitText(this.#shared?.waitMs(now) ?? 0);
    const text = `${userPublishesPerSecond} publications a second of one user are accepted, ${userPublishBurst} at once${wait}`;
    return { isClosing: this.#refused > userPublishBurst, text };
  }
}

function waitText(waitMs: number): string {
  return `; try again in ${Math.max(1, Math.ceil(waitMs))} ms`;
}
