/** The broker for Redis 7 or later, and Valkey: logs in the store, and nodes that talk over its pub/sub. */
import type { Broker } from "../../channels/broker.js";
import { HoldfastError } from "../../errors.js";
import type { Clock } from "../../time/clock.js";

export interface RedisBrokerContext {
  readonly clock: Clock;
  readonly onError: (error: unknown, context: { readonly stage: string }) => void;
}

export function createRedisBroker(_options: { readonly url: string }, _context: RedisBrokerContext): Broker {
  throw new HoldfastError("HF_BROKER_UNSUPPORTED", "the broker for Redis is not complete");
}
