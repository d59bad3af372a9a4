import { describe, expect, it } from "vitest";
import { createChannelNames } from "../channels.js";
import { Random } from "../random.js";
import { brokerNames, traitsOfBroker } from "./brokers.js";
import { createNodePlan, type NodePlanOptions } from "./node-plan.js";

const options: NodePlanOptions = {
  seconds: 30,
  nodes: 3,
  broker: "redis",
  channels: createChannelNames(5),
  kills: 8,
  troublesPerMinute: 30,
};
const planOf = (seed: number, more: Partial<NodePlanOptions> = {}) =>
  createNodePlan(new Random(seed), { ...options, ...more });

describe("plan of nodes and their store", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(planOf(1)).toEqual(planOf(1));
    expect(planOf(1)).not.toEqual(planOf(2));
  });

  it.each(brokerNames)("is in order, within the time, and has every fault that %s has", (broker) => {
    const plan = planOf(3, { broker });
    const times = plan.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...times)).toBeLessThanOrEqual(30_000);
    const { storeFaults, isRemote } = traitsOfBroker(broker);
    const ofNodes = ["nodeKill", "nodeClose", "nodeSuspend", "nodeClock", ...(isRemote ? ["partition"] : [])];
    expect([...new Set(plan.map(({ fault }) => fault.kind))].sort()).toEqual(
      [...ofNodes, ...storeFaults, "burst", "whisper"].sort(),
    );
  });

  it("ends nodes as often as asked, and closes one of four", () => {
    const ends = planOf(4).filter(({ fault }) => ["nodeKill", "nodeClose"].includes(fault.kind));
    expect(ends).toHaveLength(8);
    expect(ends.filter(({ fault }) => fault.kind === "nodeClose")).toHaveLength(2);
  });

  it("leaves out kinds that are not wanted, and the others as they are", () => {
    const killsOf = (plan: ReturnType<typeof planOf>) =>
      plan.filter(({ fault }) => fault.kind === "nodeKill");
    const only = planOf(1, { nodeFaults: ["nodeKill"] });
    expect(killsOf(only)).toEqual(killsOf(planOf(1)));
    expect(new Set(only.map(({ fault }) => fault.kind))).toEqual(new Set(["burst", "nodeKill", "whisper"]));
  });

  it("names only nodes and servers that there are", () => {
    for (const { fault } of planOf(5, { broker: "nats-cluster", seconds: 600 })) {
      if ("node" in fault) expect([0, 1, 2]).toContain(fault.node);
      if ("server" in fault) expect([0, 1, 2]).toContain(fault.server);
    }
  });
});
