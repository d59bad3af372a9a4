import { describe, expect, it } from "vitest";
import { createChannelNames } from "./channels.js";
import { createPlan, type PlanOptions } from "./plan.js";
import { Random } from "./random.js";

const options: PlanOptions = {
  seconds: 30,
  publishers: 20,
  subscribers: 10,
  people: 4,
  channels: createChannelNames(10),
  kills: 7,
  hasPowerCuts: true,
  faultsPerSecond: 10,
  troublesPerMinute: 30,
  hasStore: true,
};
const planOf = (seed: number, more: Partial<PlanOptions> = {}) =>
  createPlan(new Random(seed), { ...options, ...more });

describe("plan of a torture run", () => {
  it("is the same for the same seed, and another for another", () => {
    expect(planOf(1)).toEqual(planOf(1));
    expect(planOf(1)).not.toEqual(planOf(2));
  });

  it("keeps the ends of the server where only the faults of lines change", () => {
    const endsOf = (plan: ReturnType<typeof planOf>) => plan.filter(({ fault }) => fault.kind === "end");
    expect(endsOf(planOf(1))).toEqual(endsOf(planOf(1, { faultsPerSecond: 3 })));
  });

  it("is in order, within the time, and has every kind of fault", () => {
    const plan = planOf(3);
    const times = plan.map(({ atMs }) => atMs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(Math.min(...times)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...times)).toBeLessThanOrEqual(30_000);
    const kinds = new Set(plan.map(({ fault }) => (fault.kind === "link" ? fault.fault.kind : fault.kind)));
    expect([...kinds].sort()).toEqual(
      [
        ...["burst", "clock", "cut", "cutInFrame", "end", "fullDisk", "halfOpen", "leave", "pause", "reset"],
        ...["slow", "stall", "suspend", "unsubscribe"],
      ].sort(),
    );
  });

  it("kills as often as asked, and cuts the power every other time if at all", () => {
    const losses = (more: Partial<PlanOptions>) =>
      planOf(4, more).flatMap(({ fault }) => (fault.kind === "end" ? [fault.loss] : []));
    expect(losses({})).toHaveLength(7);
    expect(losses({}).filter((loss) => loss === "powerCut")).toHaveLength(3);
    expect(new Set(losses({ hasPowerCuts: false }))).toEqual(new Set(["kill"]));
    expect(losses({ kills: 0 })).toEqual([]);
  });

  it("names only clients that there are, and pauses only readers", () => {
    for (const { fault } of planOf(5)) {
      if (!("client" in fault)) continue;
      expect(fault.client).toBeGreaterThanOrEqual(fault.kind === "link" ? 0 : options.publishers);
      const people = fault.kind === "link" ? options.people : 0;
      expect(fault.client).toBeLessThan(options.publishers + options.subscribers + people);
    }
  });
});

describe("random numbers", () => {
  it("follow from the seed", () => {
    const draw = (seed: number) => {
      const random = new Random(seed);
      return [random.next(), random.integer(1, 6), random.chance(0.5), random.pick("abc".split(""))];
    };
    expect(draw(7)).toEqual(draw(7));
    expect(draw(7)).not.toEqual(draw(8));
  });

  it("stay within their bounds", () => {
    const random = new Random(1);
    const dice = Array.from({ length: 1000 }, () => random.integer(1, 6));
    expect(new Set(dice)).toEqual(new Set([1, 2, 3, 4, 5, 6]));
    expect(random.sample([1, 2, 3], 2)).toHaveLength(2);
    expect(random.sample([1, 2, 3], 9).sort()).toEqual([1, 2, 3]);
  });
});
