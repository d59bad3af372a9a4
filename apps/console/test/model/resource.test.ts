import { describe, expect, it } from "vitest";
import { ApiProblem } from "../../model/api.js";
import { Resource } from "../../model/resource.js";
import { HandLater, settled } from "./hand-later.js";

function create(answers: (number | Error)[], { everyMs = 2000 }: { everyMs?: number } = {}) {
  const hand = new HandLater();
  const visible = { is: true };
  const signals: AbortSignal[] = [];
  const resource = new Resource<number>({
    load: async (signal) => {
      signals.push(signal);
      const answer = answers.shift();
      if (answer instanceof Error) throw answer;
      return answer as number;
    },
    everyMs,
    later: hand.later,
    isVisible: () => visible.is,
  });
  return { resource, hand, visible, signals };
}

const away = new ApiProblem("unreachable", "away");

describe("resource", () => {
  it("is loaded again after each pause", async () => {
    const { resource, hand } = create([1, 2]);
    resource.refresh();
    expect([resource.value, resource.isLoading]).toEqual([undefined, true]);
    await settled();
    expect([resource.value, resource.isLoading, hand.delays]).toEqual([1, false, [2000]]);
    hand.run();
    await settled();
    expect(resource.value).toBe(2);
  });

  it("keeps its value through failures, and waits longer after each", async () => {
    const { resource, hand } = create([1, away, away, away, away, away, away, 2]);
    resource.refresh();
    await settled();
    const waits: (number | undefined)[] = [];
    for (let i = 0; i < 6; i++) {
      hand.run();
      await settled();
      expect([resource.value, resource.problem]).toEqual([1, "away"]);
      waits.push(hand.delays[0]);
    }
    expect(waits).toEqual([2000, 2000, 4000, 8000, 15_000, 15_000]);
    hand.run();
    await settled();
    expect([resource.value, resource.problem, hand.delays]).toEqual([2, undefined, [2000]]);
  });

  it("is not loaded while the tab is hidden", async () => {
    const { resource, hand, visible, signals } = create([1, 2]);
    resource.refresh();
    await settled();
    visible.is = false;
    for (let i = 0; i < 3; i++) hand.run();
    expect(signals).toHaveLength(1);
    visible.is = true;
    hand.run();
    await settled();
    expect(resource.value).toBe(2);
  });

  it("shows what was there before until it is loaded", async () => {
    const resource = new Resource<number>({ load: async () => 2, later: new HandLater().later, initial: 1 });
    resource.refresh();
    expect(resource.value).toBe(1);
    await settled();
    expect(resource.value).toBe(2);
  });

  it("drops an answer that was asked for before, and everything once it is stopped", async () => {
    const { resource, hand, signals } = create([1, 2, 3]);
    resource.refresh();
    resource.refresh();
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    await settled();
    expect([resource.value, hand.delays]).toEqual([2, [2000]]);
    resource.stop();
    resource.refresh();
    expect([hand.delays, signals.length]).toEqual([[], 2]);
  });
});
