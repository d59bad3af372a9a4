/** What a node of tests wants to be told by its broker: by default nothing. */
import type { BrokerEvents, BrokerStart } from "../../../src/channels/broker.js";
import type { Channels } from "../../../src/channels/channels.js";
import type { PositionChecks } from "../../../src/channels/position-checks.js";

/** A node without an application. */
export const brokerStart: BrokerStart = {
  node: { id: "node", name: "test", version: "1.0.0", startedAt: 0 },
  needs: { hasMaps: false, durability: "process" },
};

/** @param parts instead of doing nothing */
export function brokerEvents(parts: Partial<BrokerEvents> = {}): BrokerEvents {
  return {
    log: { onPublication() {}, onDisconnect() {}, onReconnect() {} },
    presence: { onJoin() {}, onLeave() {} },
    cluster: { onCommand: async () => ({}), onHistoryRemoved() {} },
    ...parts,
  };
}

/** As a server wires the channels of a node. */
export function eventsFor(channels: Channels, checks?: PositionChecks): BrokerEvents {
  const { cluster } = brokerEvents();
  return {
    log: {
      onPublication: (...event) => channels.onPublication(...event),
      onDisconnect() {},
      onReconnect: () => void checks?.checkNow(),
    },
    presence: channels,
    cluster: { ...cluster, onHistoryRemoved: (channel) => channels.forgetHistory(channel) },
  };
}
