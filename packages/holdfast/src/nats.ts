/** Entry of `holdfast/nats`: the broker for NATS JetStream 2.9 or later. */
import { createNatsBroker } from "./brokers/nats/nats-broker.js";
import type { NatsBrokerOptions } from "./brokers/nats/nats-options.js";
import { createReportingBroker } from "./brokers/reporting-broker.js";
import type { Broker } from "./channels/broker.js";
import { systemClock } from "./sockets/system-clock.js";

export type { NatsBrokerOptions } from "./brokers/nats/nats-options.js";
export type { Broker, BrokerEvents, BrokerNeeds, BrokerStart } from "./channels/broker.js";

/**
 * Creates a broker for a server's option `broker`. It connects when the server starts, which logs its failures. Needs the package `@nats-io/transport-node`.
 * @param options or the URL alone
 * @throws HF_OPTION_INVALID naming what is wrong
 */
export function nats(options: string | NatsBrokerOptions): Broker {
  return createReportingBroker((onError) =>
    createNatsBroker(typeof options === "string" ? { url: options } : options, {
      clock: systemClock,
      onError,
    }),
  );
}
