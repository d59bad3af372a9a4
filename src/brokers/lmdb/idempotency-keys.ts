/**
 * Which publication an idempotency key stands for: in memory until the index has it, then there. Kept by periods of
 * five minutes, of which the current and the last one count, so that whole periods can be forgotten.
 */
import type { PublishResult } from "../../channels/broker.js";
import { HoldfastError } from "../../errors.js";
import type { Position } from "../../wire/messages.js";
import type { ChannelLog } from "./channel-log.js";
import type { LogIndex } from "./log-index.js";

const windowMs = 5 * 60 * 1000;
/** Of those that the index does not have yet. One forgotten early would break the promise. */
const maxPending = 500_000;

interface Pending {
  readonly result: Promise<PublishResult>;
  /** Unix milliseconds. */
  readonly time: number;
}

/** A key that is to be written to the index, with the publication it stands for. */
export interface KeyToStore extends Position {
  readonly key: string;
  readonly time: number;
}

export class IdempotencyKeys {
  readonly #index: LogIndex;
  readonly #pending = new Map<string, Pending>();

  constructor(index: LogIndex) {
    this.#index = index;
  }

  /** Of those that the index does not have yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * What the first publish with the key comes to, or came to.
   * @throws HF_BROKER_FULL when the key is new and no further one can be remembered
   */
  find(channel: string, key: string, now: number): Promise<PublishResult> | undefined {
    const pending = this.#pending.get(`${channel}\0${key}`);
    if (pending && now - pending.time < windowMs) return pending.result;
    const period = periodOf(now);
    for (const candidate of [period, period - 1]) {
      const known = this.#index.key(candidate, channel, key);
      if (known === undefined || now - known.time >= windowMs) continue;
      const { epoch, offset } = known;
      return Promise.resolve({ position: { epoch, offset }, isDuplicate: true });
    }
    if (this.#pending.size < maxPending) return undefined;
    throw new HoldfastError(
      "HF_BROKER_FULL",
      `${maxPending} idempotency keys wait to be stored, and no more can be remembered`,
    );
  }

  /** A publish with the key is under way. A failed one is forgotten. */
  add(log: ChannelLog, key: string, result: Promise<PublishResult>, now: number): void {
    const name = `${log.name}\0${key}`;
    const pending = { result, time: now };
    this.#pending.set(name, pending);
    result.then(
      ({ position }) => void log.keys.push({ key, ...position, time: now }),
      () => {
        if (this.#pending.get(name) === pending) this.#pending.delete(name);
      },
    );
  }

  /** A key that the journal has. */
  restore(log: ChannelLog, key: KeyToStore): void {
    const { epoch, offset, time } = key;
    const result = Promise.resolve({ position: { epoch, offset }, isDuplicate: true });
    this.#pending.set(`${log.name}\0${key.key}`, { result, time });
    log.keys.push(key);
  }

  /** Puts a log's keys. @returns them, for `stored` once they are written */
  put(log: ChannelLog, puts: Promise<unknown>[]): readonly KeyToStore[] {
    const keys = log.keys.splice(0);
    for (const { key, epoch, offset, time } of keys)
      puts.push(this.#index.putKey(periodOf(time), log.name, key, { epoch, offset, time }));
    return keys;
  }

  stored(log: ChannelLog, keys: readonly KeyToStore[]): void {
    for (const { key } of keys) this.#pending.delete(`${log.name}\0${key}`);
  }

  /** Removes keys that count no more. @returns whether there are more of them */
  expire(now: number, limit: number, puts: Promise<unknown>[]): boolean {
    return this.#index.removeKeysBefore(periodOf(now) - 1, limit, puts) === limit;
  }
}

function periodOf(time: number): number {
  return Math.floor(time / windowMs);
}
