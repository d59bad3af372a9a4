/** What a node of tests wants to be told by its broker: by default nothing. */
import type { BrokerEvents } from "../../../src/channels/broker.js";
import type { Channels } from "../../../src/channels/channels.js";

/** @param parts instead of doing nothing */
export function brokerEvents(parts: Partial<BrokerEvents> = {}): BrokerEvents {
  return {
    log: { onPublication() {} },
    presence: { onJoin() {}, onLeave() {} },
    cluster: { onCommand: async () => ({}), onHistoryRemoved() {} },
    ...parts,
  };
}

/** As a server wires the channels of a node. */
export function eventsFor(channels: Channels): BrokerEvents {
  const { cluster } = brokerEvents();
  const onHistoryRemoved = (channel: string) => channels.forgetHistory(channel);
  return { log: channels, presence: channels, cluster: { ...cluster, onHistoryRemoved } };
}
