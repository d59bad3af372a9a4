/** A broker that a program creates before its server: reports failures in the background to the server that opens it. */
import type { Broker, BrokerEvents, BrokerStart } from "../channels/broker.js";

type OnError = (error: unknown, context: { readonly stage: string }) => void;

/** @param create gets what the broker reports to; before it is opened, nothing can fail in the background */
export function createReportingBroker(create: (onError: OnError) => Broker): Broker {
  let report: OnError | undefined;
  const broker = create((error, context) => report?.(error, context));
  const { name, log, presence, cluster } = broker;
  return {
    name,
    log,
    presence,
    cluster,
    open(events: BrokerEvents, start: BrokerStart) {
      report = start.onError;
      return broker.open(events, start);
    },
    close: () => broker.close(),
  };
}
