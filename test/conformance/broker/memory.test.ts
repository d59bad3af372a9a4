import { MemoryBroker } from "../../../packages/holdfast/src/brokers/memory/memory-broker.js";
import { createCounter } from "../../../packages/holdfast/test/support/counter.js";
import { FakeClock } from "../../../packages/holdfast/test/support/fake-clock.js";
import { describeBroker } from "./suite.js";

const hourMs = 60 * 60 * 1000;
const maxChannels = 400;
const maxIdempotencyKeys = 200;
const createEpoch = createCounter("epoch");

describeBroker(
  "memory",
  async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock, createEpoch, maxChannels, maxIdempotencyKeys });
    return { clock, broker, sizes: () => broker.sizes };
  },
  {
    canMoveTime: true,
    maxChannels,
    maxIdempotencyKeys,
    forgetsIdleLogsAfterMs: 24 * hourMs,
    hasNodes: { lacks: "one process is its only node" },
    keepsFloors: true,
    canKillNodes: { lacks: "one process is its only node" },
    canCutStore: { lacks: "its store is in its process" },
  },
);
