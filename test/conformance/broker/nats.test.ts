import { afterAll, beforeAll, describe } from "vitest";
import { createNatsBroker } from "../../../packages/holdfast/src/brokers/nats/nats-broker.js";
import type { Broker } from "../../../packages/holdfast/src/channels/broker.js";
import { systemClock } from "../../../packages/holdfast/src/sockets/system-clock.js";
import {
  type NatsServers,
  noNatsReason,
  startNatsServers,
} from "../../../packages/holdfast/test/support/nats-servers.js";
import { describeBroker } from "./suite.js";
import { TcpProxy } from "./tcp-proxy.js";

const skipped = noNatsReason === undefined ? "" : ` (${noNatsReason})`;
/** Events are on their way for less than this. */
const eventMs = 30;
let nats: NatsServers;
let brokers = 0;
const opened: TcpProxy[] = [];

describe.skipIf(noNatsReason !== undefined)(`JetStream${skipped}`, () => {
  beforeAll(async () => {
    nats = await startNatsServers(1);
  });
  afterAll(async () => {
    for (const proxy of opened) await proxy.cut();
    await nats.stop();
  });
  describeBroker("nats", create, {
    canMoveTime: { lacks: "the server's time is its own" },
    forgetsIdleLogsAfterMs: { lacks: "the server forgets logs by its own time, after an hour at least" },
    maxChannels: { lacks: "channels are bounded by the bytes of the streams" },
    maxIdempotencyKeys: { lacks: "idempotency keys are bounded by the bytes of the streams" },
    hasNodes: true,
    survivesRestart: true,
    keepsFloors: true,
    canKillNodes: true,
    canCutStore: true,
    hasMaps: { lacks: "JetStream keeps no maps" },
    hasDisk: { lacks: "servers acknowledge before they flush" },
  });
});

async function create() {
  const prefix = `test-${++brokers}`;
  const proxies = new Map<Broker, TcpProxy>();
  const createNode = async () => {
    const proxy = new TcpProxy(nats.servers[0]?.port ?? 0);
    await proxy.listen();
    opened.push(proxy);
    const broker = createNatsBroker(
      { url: `nats://${proxy.address}?streams=2&maxBytes=16777216`, prefix },
      {
        clock: systemClock,
        helloWaitMs: 50,
        beatIntervalMs: 200,
        deadAfterMs: 1000,
        onError: (error) => {
          throw error;
        },
      },
    );
    proxies.set(broker, proxy);
    return broker;
  };
  const broker = await createNode();
  return {
    broker,
    idle: () => new Promise<void>((resolve) => setTimeout(resolve, eventMs)),
    sizes: () => ({ ...broker.log.sizes, ...broker.sizes }),
    reopen: createNode,
    createPeer: createNode,
    kill: async (peer: Broker) => await proxies.get(peer)?.cut(),
    cut: async () => await proxies.get(broker)?.cut(),
    restore: async () => await proxies.get(broker)?.listen(),
  };
}
