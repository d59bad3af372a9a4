import { describe, expect, it } from "vitest";
import { NodeBroker } from "../../../src/brokers/nodes/node-broker.js";
import type { NodeBus } from "../../../src/brokers/nodes/node-bus.js";
import { HoldfastError } from "../../../src/errors.js";
import { brokerEvents, brokerStart } from "../../channels/support/broker-events.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";
import { MemoryNetwork } from "./support/memory-bus.js";
import { SharedLog, SharedStore } from "./support/shared-log.js";

/** The store in memory sweeps its logs and its presence. */
const timersOfStore = 2;

/** A broker whose parts note when they are opened and closed. */
function create(openBus: () => Promise<void> = async () => {}) {
  const clock = new FakeClock();
  const store = new SharedStore({ clock, createEpoch: createCounter("epoch") });
  const log = new SharedLog(store);
  const steps: string[] = [];
  const openLog = log.open.bind(log);
  const closeLog = log.close.bind(log);
  log.open = async (events) => {
    steps.push("open log");
    await openLog(events);
  };
  log.close = async () => {
    steps.push("close log");
    await closeLog();
  };
  const inner = new MemoryNetwork(clock).createBus();
  const bus: NodeBus = {
    open: async (...args) => {
      steps.push("open bus");
      await openBus();
      await inner.open(...args);
    },
    close: async () => {
      steps.push("close bus");
      await inner.close();
    },
    send: (...args) => inner.send(...args),
  };
  const onError = (error: unknown) => {
    throw error;
  };
  return { broker: new NodeBroker("nodes", log, bus, { clock, onError, helloWaitMs: 0 }), clock, log, steps };
}

describe("broker of several nodes", () => {
  it("opens its log before its bus, and closes it after", async () => {
    const { broker, steps } = create();
    await broker.open(brokerEvents(), brokerStart);
    await broker.close();
    await broker.close();
    expect(steps).toEqual(["open log", "open bus", "close bus", "close log"]);
  });

  it("leaves nothing open, and no timer, when its bus cannot be opened", async () => {
    const unavailable = new HoldfastError("HF_BROKER_UNAVAILABLE");
    const { broker, clock, log, steps } = create(() => Promise.reject(unavailable));
    await expect(broker.open(brokerEvents(), brokerStart)).rejects.toBe(unavailable);
    expect(steps.at(-1)).toBe("close log");
    await expect(log.heads([])).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    expect(clock.timers).toBe(timersOfStore);
  });

  it("closed while it opens does not stay open", async () => {
    let opened = (): void => {};
    const { broker, clock } = create(
      () =>
        new Promise((resolve) => {
          opened = resolve;
        }),
    );
    const opening = broker.open(brokerEvents(), brokerStart);
    for (let n = 0; n < 20; n++) await Promise.resolve();
    const closing = broker.close();
    opened();
    await Promise.all([opening, closing]);
    expect(clock.timers).toBe(timersOfStore);
    await expect(broker.cluster.nodes()).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
  });
});
