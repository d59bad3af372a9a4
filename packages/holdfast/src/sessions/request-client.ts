/**
 * A client for the duration of one request: authenticated and welcomed like a connection, with the same calls to the application,
 * and released when it has its answer. {@link WaitingReader} lets it wait for new publications.
 */
import type { Encoding, Framed } from "../channels/batches.js";
import type { Channel, Reader, Subscription } from "../channels/channel.js";
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
  /** Channels that it may read regardless of their rules. */
  readonly grants: ReadonlyMap<string, SubscriptionGrant>;
}

export type RequestClientContext = Pick<
  SessionContext,
  "access" | "addressKey" | "application" | "clock" | "createId" | "onError"
>;

/**
 * @returns a refusal with error 101 or 109 if another token would help, with others if the application refuses
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

/** The client has its answer, or is gone. Must be called once. */
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
  // For connections, both of these are about the credentials that they came with.
  const isUnknown = disconnect === "invalidToken" || disconnect === "badRequest";
  return refusal(isUnknown ? "unauthorized" : "permissionDenied", reason);
}

/** The publications that came, framed, and the position after them. No bytes: the time is up, or they have to be read again. */
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
 * Waits once for the next publications of a channel: the first batch, or the end of its time. To delivery it is a reader like any
 * other, so readers that wait at the same position share their bytes, and are released in slices.
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
   * Starts waiting. @param channel held by the caller
   * @returns false if it was stopped before
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

  /** Ends with what has come so far. */
  end(): void {
    if (this.#isStopped) return;
    const bytes = this.#bytes;
    // Only now is it known where a page of the log ends.
    const position = bytes && this.#subscription ? positionOf(this.#subscription) : this.#position;
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

  /** The client asks again from the same position, and is told of the gap. */
  onGap(): void {
    this.#bytes = undefined;
    this.end();
  }

  /** Many may have started together, so they are released in slices, too. */
  onDeadline(): void {
    this.#touch();
  }

  #touch(): void {
    if (this.#isTouched) return;
    this.#isTouched = true;
    this.#options.context.delivery.flushLater(this);
  }
}

function positionOf({ channel, offset }: Subscription): Position {
  return { epoch: channel.epoch, offset };
}
