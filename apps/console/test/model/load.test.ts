import { describe, expect, it } from "vitest";
import type { LoadSample } from "../../model/answers.js";
import { isLastingAbove, lineOf, loadedUntil, mergeLoads, minutesOf, shapeOf } from "../../model/load.js";

const sample = (at: number, more: Partial<LoadSample> = {}): LoadSample => ({
  at,
  connections: 1,
  subscriptions: 0,
  published: 0,
  delivered: 0,
  received_bytes: 0,
  sent_bytes: 0,
  behind: 0,
  loop_lag_ms: 0,
  ...more,
});

const answer = (nodes: Readonly<Record<string, readonly LoadSample[]>>) => ({
  interval_ms: 2000,
  nodes: Object.entries(nodes).map(([uid, samples]) => ({ uid, name: `host:${uid}`, samples })),
  silent: [],
});

describe("loads", () => {
  it("grow by what is new of each node, whatever its clock, and forget nodes that are gone", () => {
    const first = mergeLoads(undefined, answer({ a: [sample(2000), sample(4000)], b: [sample(9000)] }));
    expect(loadedUntil(first)).toBe(4000);
    const second = mergeLoads(first, answer({ a: [sample(4000), sample(6000)], c: [sample(1000)] }));
    expect(second.nodes.map(({ uid, samples }) => [uid, samples.map(({ at }) => at)])).toEqual([
      ["a", [2000, 4000, 6000]],
      ["c", [1000]],
    ]);
    expect(loadedUntil(mergeLoads(undefined, answer({})))).toBe(0);
  });

  it("keep no more than the server does", () => {
    const many = Array.from({ length: 700 }, (_, i) => sample(2000 * (i + 1)));
    const { nodes } = mergeLoads(undefined, answer({ a: many }));
    expect([nodes[0]?.samples.length, nodes[0]?.samples.at(-1)?.at]).toEqual([450, 1_400_000]);
  });
});

describe("lines", () => {
  it("are rates of counters, and begin anew with a node that has started afresh", () => {
    const samples = [10, 30, 5].map((published, i) => sample(2000 * (i + 1), { published }));
    expect(lineOf(mergeLoads(undefined, answer({ a: samples })), "published")).toEqual([
      { at: 4000, value: 10 },
      { at: 6000, value: 0 },
    ]);
  });

  it("add nodes up where their times are about the same, and end where all have sampled", () => {
    const loads = mergeLoads(
      undefined,
      answer({ a: [sample(2000), sample(4000), sample(6000)], b: [sample(2300), sample(4300)] }),
    );
    expect(lineOf(loads, "connections")).toEqual([
      { at: 2000, value: 2 },
      { at: 4000, value: 2 },
    ]);
    expect(lineOf(loads, "connections", "a")).toHaveLength(3);
  });

  it("have the longest delay of any node", () => {
    const loads = mergeLoads(
      undefined,
      answer({ a: [sample(2000, { loop_lag_ms: 3 })], b: [sample(2000, { loop_lag_ms: 40 })] }),
    );
    expect(lineOf(loads, "loop_lag_ms")).toEqual([{ at: 2000, value: 40 }]);
  });
});

describe("a line", () => {
  const points = (...values: number[]) => values.map((value, i) => ({ at: i * 2000, value }));

  it("is the matter when it stays above a limit, and not for a moment", () => {
    expect(isLastingAbove(points(0, 9, 9, 9), 5)).toBe(true);
    expect(isLastingAbove(points(9, 9, 0, 9), 5)).toBe(false);
    expect(isLastingAbove(points(9), 5)).toBe(false);
  });

  it.each([
    [1, 1],
    [30, 1],
    [40, 5],
    [160, 15],
    [450, 15],
  ])("of %i samples reaches back %i minutes", (count, minutes) => {
    expect(minutesOf(points(...Array(count).fill(1)))).toBe(minutes);
  });
});

describe("shapes", () => {
  const size = { width: 100, height: 10, spanMs: 10_000 };

  it("stand at the right edge, as high as their largest value", () => {
    const points = [0, 5, 10].map((value, i) => ({ at: 1_000_000 + i * 2000, value }));
    expect(shapeOf(points, size)).toEqual({
      line: "60,10 80,5 100,0",
      area: "60,10 60,10 80,5 100,0 100,10",
      max: 10,
    });
  });

  it("lie at the bottom when there is nothing, and are empty without points", () => {
    expect(shapeOf([{ at: 1, value: 0 }], size)).toEqual({ line: "100,10", area: "", max: 0 });
    expect(shapeOf([], size)).toEqual({ line: "", area: "", max: 0 });
  });
});
