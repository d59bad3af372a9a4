/** Removes keys whose time is over, of the logs that are in use. Those of others go when they come to be used. */
import type { Clock } from "../../time/clock.js";
import type { ChannelLog } from "./channel-log.js";

export interface KeyExpiryOptions {
  readonly clock: Clock;
  readonly isInUse: (log: ChannelLog) => boolean;
  readonly remove: (log: ChannelLog, key: string) => Promise<unknown>;
  readonly onError: (error: unknown, stage: string) => void;
}

const intervalMs = 1000;
/** Where more keys have expired than readers are told of at once. */
const busyIntervalMs = 10;

export class KeyExpiry {
  readonly #options: KeyExpiryOptions;
  readonly #logs = new Set<ChannelLog>();
  #cancelTimer: (() => void) | undefined;
  #isStopped = false;

  constructor(options: KeyExpiryOptions) {
    this.#options = options;
  }

  /** The log may have keys that expire. */
  add(log: ChannelLog): void {
    if (log.keyed?.state.nextExpiry === undefined || this.#isStopped) return;
    this.#logs.add(log);
    this.#schedule(intervalMs);
  }

  #schedule(delayMs: number): void {
    this.#cancelTimer ??= this.#options.clock.setTimer(() => this.#tick(), delayMs);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancelTimer?.();
    this.#logs.clear();
  }

  #tick(): void {
    this.#cancelTimer = undefined;
    const logs = [...this.#logs];
    this.#logs.clear();
    let isMore = false;
    for (const log of logs) if (this.#visit(log)) isMore = true;
    if (this.#logs.size > 0 && !this.#isStopped) this.#schedule(isMore ? busyIntervalMs : intervalMs);
  }

  /** @returns whether there is more to remove */
  #visit(log: ChannelLog): boolean {
    const { clock, isInUse, remove, onError } = this.#options;
    const state = log.keyed?.state;
    if (state?.nextExpiry === undefined || !isInUse(log)) return false;
    const stage = `removing keys of ${log.name}`;
    try {
      const now = clock.now();
      for (const key of state.expired(now)) remove(log, key).catch((error: unknown) => onError(error, stage));
      this.#logs.add(log);
      return state.expired(now).length > 0;
    } catch {
      // The store takes nothing more, which was told when that began.
      return false;
    }
  }
}
