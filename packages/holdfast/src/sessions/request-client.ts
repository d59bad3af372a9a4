/**
 * A client that is there for one request: found out and greeted like one that connects, and let go of when it has its
 * answer. What the application hears of it is what it hears of a connection.
 */

import type { Channel, Subscription } from "../channels/channel.js";
import type { Encoding, Framed, Reader } from "../channels/reader.js";
import type { DeadlineHolder } from "../time/deadlines.js";
import type { ClientInfo, Position } from "../wire/messages.js";
import { type Actor, type Refusal, refusal, toActor } from "./application.js";
import type { SessionContext } from "./context.js";
import {
  type Credentials,
  type Identity,
  type IdentityResult,
  ownerOf,
  type SubscriptionGrant,
} from "./identity.js";

export interface Visitor {
  readonly identity: Identity;
  readonly actor: Actor;
  /** As subscribers see it. */
  readonly info: ClientInfo;
  /** Whom it is charged to. */
  readonly owner: string;
  /** Channels that it may read whatever their rules say. */
  readonly grants: ReadonlyMap<string, SubscriptionGrant>;
}

export type VisitContext = Pick<
  SessionContext,
  "access" | "addressKey" | "application" | "clock" | "createId" | "onError"
>;

/**
 * @returns a refusal with error 101 or 109 where another token would help, and others where the application wants none of it
 * @throws what the application throws
 */
export async function receiveVisitor(
  { access, application, clock, createId, addressKey }: VisitContext,
  credentials: Credentials,
): Promise<Visitor | Refusal> {
  const result = await application.authenticate(credentials);
  if (!result.isAccepted) return toRefusal(result);
  const { subscriptions, ...identity } = result.identity;
  if (identity.expiresAt !== undefined && identity.expiresAt <= clock.now()) return refusal("tokenExpired");
  const actor = toActor(createId(), identity);
  const welcome = (await application.onConnect?.(actor, undefined)) ?? {};
  if ("disconnect" in welcome) {
    access.putOut(actor);
    const { code, reason } = welcome.disconnect;
    return { refusal: { code, message: reason, isTemporary: false } };
  }
  const { user, client } = actor;
  const { address } = credentials.request;
  return {
    owner: ownerOf(user, addressKey?.(address) ?? address),
    identity,
    actor,
    info: { user, client, ...(identity.info !== undefined && { connInfo: identity.info }) },
    grants: new Map([...(subscriptions ?? []), ...(welcome.subscriptions ?? [])]),
  };
}

/** The visitor has its answer, or is gone. To be called once. */
export function dismissVisitor({ access, application, onError }: VisitContext, { actor }: Visitor): void {
  if (actor.user === "") access.putOut(actor);
  try {
    application.onDisconnect?.(actor);
  } catch (error) {
    onError(error, { stage: "onDisconnect" });
  }
}

function toRefusal(result: Extract<IdentityResult, { isAccepted: false }>): Refusal {
  if ("error" in result) return refusal(result.error, result.reason);
  const { disconnect, reason } = result;
  // To connections, both of these are a matter of what they came with.
  const isUnknown = disconnect === "invalidToken" || disconnect === "badRequest";
  return refusal(isUnknown ? "unauthorized" : "permissionDenied", reason);
}

// A reader that waits for what comes next in a channel, once: the first batch, or the end of its time. To the delivery it is
// a reader like any other, so those that wait at one place share their bytes, and are released in slices.

/** What has come, framed, and where the reader stands then. Nothing: the time is over, or what came is to be read anew. */
export interface WaitOutcome {
  readonly bytes?: Uint8Array;
  readonly position: Position;
}

export interface WaitingReaderOptions {
  readonly context: Pick<SessionContext, "channels" | "deadlines" | "delivery">;
  readonly encoding: Encoding;
  readonly waitMs: number;
  /** Called once, unless it is stopped. MUST NOT throw. */
  readonly onEnd: (outcome: WaitOutcome) => void;
}

export class WaitingReader implements Reader, DeadlineHolder {
  dueTick = 0;
  readonly encoding: Encoding;
  readonly #options: WaitingReaderOptions;
  #subscription: Subscription | undefined;
  #position: Position = { epoch: "", offset: 0 };
  #bytes: Uint8Array | undefined;
  #isTouched = false;
  #isStopped = false;

  constructor(options: WaitingReaderOptions) {
    this.encoding = options.encoding;
    this.#options = options;
  }

  /**
   * Waits from here on. @param channel held by the caller
   * @returns false where it was stopped before
   */
  start(channel: Channel, offset: number): boolean {
    if (this.#isStopped) return false;
    const { channels, deadlines, delivery } = this.#options.context;
    this.#position = { epoch: channel.epoch, offset };
    this.#subscription = channels.subscribe(channel, this, { offset });
    deadlines.set(this, this.#options.waitMs);
    if (this.#subscription.isBehind) delivery.resume(this);
    return true;
  }

  /** Nobody waits for it any more. */
  stop(): void {
    this.#isStopped = true;
    const { channels, deadlines } = this.#options.context;
    deadlines.clear(this);
    if (this.#subscription) channels.unsubscribe(this.#subscription);
    this.#subscription = undefined;
  }

  /** Its time is over. */
  end(): void {
    if (this.#isStopped) return;
    const bytes = this.#bytes;
    // Only now is it known where a page of the log has ended.
    const position = bytes && this.#subscription ? placeOf(this.#subscription) : this.#position;
    this.stop();
    this.#options.onEnd({ position, ...(bytes && { bytes }) });
  }

  get isReady(): boolean {
    return !this.#isStopped && this.#bytes === undefined;
  }

  get subscriptions(): Iterable<Subscription> {
    return this.#subscription ? [this.#subscription] : [];
  }

  push({ bytes }: Framed): void {
    if (!this.isReady) return;
    this.#bytes = bytes;
    this.#touch();
  }

  flush(): void {
    this.end();
  }

  /** Who comes back to the same place is told what has become of it. */
  onGap(): void {
    this.#bytes = undefined;
    this.end();
  }

  /** Many may have come together, and so are released in slices, too. */
  onDeadline(): void {
    this.#touch();
  }

  #touch(): void {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#options.context.delivery.flushLater(this);
  }
}

function placeOf({ channel, offset }: Subscription): Position {
  return { epoch: channel.epoch, offset };
}
