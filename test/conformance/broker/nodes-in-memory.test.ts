import { NodeBroker } from "../../../packages/holdfast/src/brokers/nodes/node-broker.js";
import { MemoryNetwork } from "../../../packages/holdfast/test/brokers/nodes/support/memory-bus.js";
import { SharedLog, SharedStore } from "../../../packages/holdfast/test/brokers/nodes/support/shared-log.js";
import { createCounter } from "../../../packages/holdfast/test/support/counter.js";
import { FakeClock, settle } from "../../../packages/holdfast/test/support/fake-clock.js";
import { describeBroker } from "./suite.js";

const hourMs = 60 * 60 * 1000;
const maxChannels = 400;
const maxIdempotencyKeys = 200;
const createEpoch = createCounter("epoch");

/** What all brokers for several nodes share, over a log and a bus in memory. */
describeBroker(
  "nodes in memory",
  async () => {
    const clock = new FakeClock();
    const store = new SharedStore({ clock, createEpoch, maxChannels, maxIdempotencyKeys });
    const network = new MemoryNetwork(clock);
    const create = () => {
      const onError = (error: unknown) => {
        throw error;
      };
      const options = { clock, onError, helloWaitMs: 0, beatIntervalMs: 100, deadAfterMs: 500 };
      return new NodeBroker("nodes", new SharedLog(store), network.createBus(), options);
    };
    const broker = create();
    // Hours pass in leaps, in which nodes that stand still do not count as dead.
    const advance = async (ms: number) => {
      const step = Math.ceil(ms / 100);
      for (let left = ms; left > 0; left -= step) {
        const stepMs = Math.min(step, left);
        const ranMs = Math.min(stepMs, 1000);
        clock.stop(stepMs - ranMs);
        clock.advance(ranMs);
        await settle();
      }
    };
    return {
      clock,
      broker,
      advance,
      idle: () => advance(2),
      sizes: () => ({ ...store.memory.sizes, ...broker.sizes }),
      createPeer: async () => create(),
      kill: async (peer) => network.kill(peer.cluster.id),
      cut: async () => {
        broker.log.cut();
        network.disconnect(broker.cluster.id);
      },
      restore: async () => {
        broker.log.restore();
        network.connect(broker.cluster.id);
      },
    };
  },
  {
    canMoveTime: true,
    maxChannels,
    maxIdempotencyKeys,
    forgetsIdleLogsAfterMs: 24 * hourMs,
    hasNodes: true,
    keepsFloors: true,
    canKillNodes: true,
    canCutStore: true,
  },
);
