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
    this.#cancelTimer ??= this.#options.clock.setTimer(() => this.#tick(), intervalMs);
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
    for (const log of logs) this.#visit(log);
  }

  #visit(log: ChannelLog): void {
    const { clock, isInUse, remove, onError } = this.#options;
    const state = log.keyed?.state;
    if (state === undefined || !isInUse(log)) return;
    const stage = `removing keys of ${log.name}`;
    try {
      for (const key of state.expired(clock.now()))
        remove(log, key).catch((error: unknown) => onError(error, stage));
      this.add(log);
    } catch {
      // The store takes nothing more, which was told when that began.
    }
  }
}
