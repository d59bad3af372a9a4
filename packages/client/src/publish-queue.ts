/**
 * Publications on their way to the server. Each is sent with an idempotency key until the server acknowledges or refuses it, so that it
 * counts once, whatever happens to the connection. Those of one channel are sent one after the other, in order.
 */
import { HoldfastError } from "../../holdfast/src/errors.js";
import type { Position } from "../../holdfast/src/wire/messages.js";
import type { Connection } from "./connection.js";
import { isRefusal, toHoldfastError } from "./from-sdk.js";
import { toPayload } from "./payload.js";

export interface PublishOptions {
  /** In channels of kind `latest`: a newer publication with the same key replaces it. */
  readonly key?: string;
  /**
   * A repeat with the same key within five minutes has no effect: for programs that store what they send, and resend it.
   * @default a random key
   */
  readonly idempotencyKey?: string;
  /** The trace that the publish belongs to, as in the header of W3C Trace Context. One that is not valid is ignored. */
  readonly traceparent?: string;
}

/** The place of a publication in its channel's log. */
export interface PublishedPosition extends Position {
  /** Why nothing was published (the position is then the head of the log): `key_not_found` if a removed key had no value. */
  readonly suppressed?: string;
}

interface QueuedOptions extends PublishOptions {
  readonly isForMap?: boolean;
  readonly isRemoved?: boolean;
}

/** By the wall clock, which can be set, and by a monotonic one, which can stop while the machine sleeps. */
interface Moment {
  readonly wallMs: number;
  readonly elapsedMs: number;
}

interface Waiting {
  readonly command: Readonly<Record<string, unknown>>;
  /** Undefined until it has been sent. */
  firstSent?: Moment;
  settle(outcome: PublishedPosition | HoldfastError): void;
}

/** The server remembers idempotency keys for five minutes; a later repeat would count again. */
const resendWindowMs = 4 * 60_000;
const firstRetryDelayMs = 200;
const maxRetryDelayMs = 5000;

export class PublishQueue {
  readonly #connection: Connection;
  /** By channel; the first of each is being sent. */
  readonly #lanes = new Map<string, Waiting[]>();
  readonly #sleepers = new Set<() => void>();
  #size = 0;

  constructor(connection: Connection) {
    this.#connection = connection;
    connection.statusListeners.add(() => {
      const { fault } = connection;
      if (fault) this.#refuseAll(fault);
    });
  }

  /** Unacknowledged publications. */
  get size(): number {
    return this.#size;
  }

  /**
   * Resolves with the publication's position.
   * @throws HF_OPTION_INVALID, HF_REQUEST_REFUSED, HF_CLIENT_FULL, HF_CLIENT_TIMEOUT, HF_CLIENT_CLOSED
   */
  async publish(channel: string, data: unknown, publishOptions: QueuedOptions): Promise<PublishedPosition> {
    const { key, isForMap, isRemoved, idempotencyKey, traceparent } = publishOptions;
    const { options, payloads, fault } = this.#connection;
    if (!isRemoved) payloads.assert(channel, data);
    const payload = toPayload(data, "data", channel, options.maxMessageBytes);
    if (fault) throw fault;
    this.#connection.start();
    if (options.maxQueuedPublications !== null && this.#size >= options.maxQueuedPublications)
      throw new HoldfastError(
        "HF_CLIENT_FULL",
        `${this.#size} publications are unacknowledged, as many as maxQueuedPublications allows`,
      );
    const command = {
      channel,
      data: payload,
      idempotency_key: idempotencyKey ?? createIdempotencyKey(),
      ...(traceparent !== undefined && { traceparent }),
      ...(key !== undefined && { key }),
      ...(isForMap && { type: 1 }),
      ...(isRemoved && { removed: true }),
    };
    return await new Promise((resolve, reject) => this.#add(channel, command, resolve, reject));
  }

  #add(
    channel: string,
    command: Waiting["command"],
    resolve: (position: PublishedPosition) => void,
    reject: (error: HoldfastError) => void,
  ): void {
    const timeoutMs = this.#connection.options.publishTimeoutMs;
    const lane = this.#lanes.get(channel) ?? [];
    let timer: ReturnType<typeof setTimeout> | undefined;
    const waiting: Waiting = {
      command,
      settle: (outcome) => {
        const at = lane.indexOf(waiting);
        if (at < 0) return;
        lane.splice(at, 1);
        this.#size--;
        clearTimeout(timer);
        if (outcome instanceof HoldfastError) reject(outcome);
        else resolve(outcome);
      },
    };
    if (timeoutMs !== null)
      timer = setTimeout(() => waiting.settle(tooLate(channel, timeoutMs, waiting)), timeoutMs);
    lane.push(waiting);
    this.#size++;
    if (lane.length > 1 || this.#lanes.has(channel)) return;
    this.#lanes.set(channel, lane);
    void this.#run(channel, lane);
  }

  async #run(channel: string, lane: Waiting[]): Promise<void> {
    let failures = 0;
    for (let waiting = lane[0]; waiting; waiting = lane[0]) {
      await this.#connection.whenConnected().catch((fault: HoldfastError) => {
        // Those that were added after `#refuseAll`.
        if (this.#connection.fault) for (const each of [...lane]) each.settle(fault);
      });
      // It may have timed out while there was no connection.
      if (waiting !== lane[0] || this.#connection.status.state !== "connected") continue;
      const isOver = await this.#send(channel, waiting);
      failures = isOver ? 0 : failures + 1;
      if (!isOver) await this.#sleep(retryDelayMs(failures));
    }
    this.#lanes.delete(channel);
  }

  /** @returns whether it is settled */
  async #send(channel: string, waiting: Waiting): Promise<boolean> {
    const { firstSent } = waiting;
    if (firstSent !== undefined && millisecondsSince(firstSent) > resendWindowMs) {
      waiting.settle(tooLate(channel, resendWindowMs, waiting));
      return true;
    }
    waiting.firstSent ??= thisMoment();
    try {
      const { data } = await this.#connection.sdk.rpc("holdfast.publish", waiting.command);
      const {
        epoch,
        offset,
        suppress_reason: suppressed,
      } = data as Position & { readonly suppress_reason?: string };
      waiting.settle({ epoch, offset, ...(suppressed !== undefined && { suppressed }) });
      return true;
    } catch (error) {
      if (!isRefusal(error)) return false;
      waiting.settle(toHoldfastError(error, `publishing to ${channel}`));
      return true;
    }
  }

  #refuseAll(fault: HoldfastError): void {
    for (const lane of this.#lanes.values()) for (const waiting of [...lane]) waiting.settle(fault);
    for (const wake of this.#sleepers) wake();
  }

  async #sleep(delayMs: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, delayMs);
      this.#sleepers.add(wake);
    });
  }
}

function thisMoment(): Moment {
  return { wallMs: Date.now(), elapsedMs: performance.now() };
}

/** The longer of the two. */
function millisecondsSince({ wallMs, elapsedMs }: Moment): number {
  return Math.max(Date.now() - wallMs, performance.now() - elapsedMs);
}

/** Half of it is random, so that clients that failed together do not retry together. */
function retryDelayMs(failures: number): number {
  const maxMs = Math.min(maxRetryDelayMs, firstRetryDelayMs * 2 ** (failures - 1));
  return maxMs * (0.5 + Math.random() / 2);
}

function tooLate(channel: string, timeoutMs: number, { firstSent }: Waiting): HoldfastError {
  const isUncertain = firstSent !== undefined;
  const sent = isUncertain ? "it was sent, and may have been published" : "it was not sent";
  return new HoldfastError(
    "HF_CLIENT_TIMEOUT",
    `a publication to ${channel} was not acknowledged within ${timeoutMs} ms; ${sent}`,
    { details: { isUncertain } },
  );
}

/** 128 random bits. `crypto.randomUUID` is missing in pages that were loaded over plain HTTP. */
function createIdempotencyKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
