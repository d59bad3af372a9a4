/**
 * A client that is there for one request: authenticated and welcomed like one that connects, and released when it has its
 * answer. The application hears of it what it hears of a connection. {@link WaitingReader} lets one wait for what comes next.
 */

import type { Channel, Subscription } from "../channels/channel.js";
import type { Encoding, Framed, Reader } from "../channels/reader.js";
import type { DeadlineHolder } from "../time/deadlines.js";
import type { Position } from "../wire/messages.js";
import { type Refusal, refusal } from "./application.js";
import type { SessionContext } from "./context.js";
import {
  type ClientIdentity,
  type Credentials,
  type IdentityResult,
  ownerOf,
  type SubscriptionGrant,
  toClientIdentity,
} from "./identity.js";

export interface RequestClient extends ClientIdentity {
  /** Channels that it may read whatever their rules say. */
  readonly grants: ReadonlyMap<string, SubscriptionGrant>;
}

export type RequestClientContext = Pick<
  SessionContext,
  "access" | "addressKey" | "application" | "clock" | "createId" | "onError"
>;

/**
 * @returns a refusal with error 101 or 109 where another token would help, and others where the application refuses
 * @throws what the application throws
 */
export async function acceptClient(
  { access, application, clock, createId, addressKey }: RequestClientContext,
  credentials: Credentials,
): Promise<RequestClient | Refusal> {
  const result = await application.authenticate(credentials);
  if (!result.isAccepted) return toRefusal(result);
  const { user, expiresAt, subscriptions } = result.identity;
  if (expiresAt !== undefined && expiresAt <= clock.now()) return refusal("tokenExpired");
  const { address } = credentials.request;
  const client = toClientIdentity(
    createId(),
    result.identity,
    ownerOf(user, addressKey?.(address) ?? address),
  );
  const welcome = (await application.onConnect?.(client.actor, undefined)) ?? {};
  if ("disconnect" in welcome) {
    access.revoke(client.actor);
    const { code, reason } = welcome.disconnect;
    return { refusal: { code, message: reason, isTemporary: false } };
  }
  return { ...client, grants: new Map([...(subscriptions ?? []), ...(welcome.subscriptions ?? [])]) };
}

/** The client has its answer, or is gone. To be called once. */
export function releaseClient(
  { access, application, onError }: RequestClientContext,
  { actor }: RequestClient,
): void {
  if (actor.user === "") access.revoke(actor);
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

/** What has come, framed, and the position after it. No bytes: the time is over, or what came has to be read again. */
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

/**
 * Waits for what comes next in a channel, once: the first batch, or the end of its time. To the delivery it is a reader like
 * any other, so those that wait at one place share their bytes, and are released in slices.
 */
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

  /** The request is gone. */
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

  /** The client comes back to the same position, and is told what has become of it. */
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
