/** Entry of `holdfast/redis`: the broker for Redis 7 or later, and Valkey. */
import { RedisBroker } from "./brokers/redis/redis-broker.js";
import type { RedisBrokerOptions } from "./brokers/redis/redis-options.js";
import { createReportingBroker } from "./brokers/reporting-broker.js";
import type { Broker } from "./channels/broker.js";
import { systemClock } from "./sockets/system-clock.js";

export type { RedisBrokerOptions, RedisTlsOptions } from "./brokers/redis/redis-options.js";
export type { Broker, BrokerEvents, BrokerNeeds, BrokerStart } from "./channels/broker.js";

/**
 * Creates a broker for a server's option `broker`. It connects when the server starts, which logs its failures. Needs the package ioredis.
 * @param options or the URL alone
 * @throws HF_OPTION_INVALID naming what is wrong
 */
export function redis(options: string | RedisBrokerOptions): Broker {
  return createReportingBroker(
    (onError) =>
      new RedisBroker(typeof options === "string" ? { url: options } : options, {
        clock: systemClock,
        schedule: (run) => void setImmediate(run),
        onError,
      }),
  );
}
