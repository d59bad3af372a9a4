import { describe, expect, it } from "vitest";
import { type Marker, mayHaveLost, nextMarker, stampOf } from "../../../src/brokers/lmdb/store-marker.js";
import type { Durability } from "../../../src/channels/log.js";

interface Run {
  /** How it ends. */
  readonly ending: "close" | "kill" | "power cut";
  readonly isRepaired?: boolean;
}

const close: Run = { ending: "close" };
const kill: Run = { ending: "kill" };
const powerCut: Run = { ending: "power cut" };

/** The marker of the run that follows the given ones. */
function markerAfter(runs: readonly Run[], isRepaired = false): Marker {
  let boot = 1;
  let marker: Marker | undefined;
  for (const run of runs) {
    marker = nextMarker(marker, `boot-${boot}`, run.isRepaired ?? false);
    if (run.ending === "close") marker = { ...marker, isClean: true };
    if (run.ending === "power cut") boot++;
  }
  return nextMarker(marker, `boot-${boot}`, isRepaired);
}

describe("nextMarker", () => {
  it("marks the first run of a new store as clean", () => {
    expect(nextMarker(undefined, "boot-1", false)).toEqual({
      format: 1,
      run: 1,
      boot: "boot-1",
      isClean: false,
      uncleanRun: 0,
      lostRun: 0,
      repairedRun: 0,
    });
  });

  it.each<[string, readonly Run[], Partial<Marker>]>([
    ["a close", [close], { run: 2, uncleanRun: 0, lostRun: 0 }],
    ["a close and another boot", [close, close], { run: 3, uncleanRun: 0, lostRun: 0 }],
    ["a kill", [kill], { run: 2, uncleanRun: 1, lostRun: 0 }],
    ["a power cut", [powerCut], { run: 2, uncleanRun: 1, lostRun: 1 }],
    ["a kill long ago", [kill, close, close], { run: 4, uncleanRun: 1, lostRun: 0 }],
    ["a power cut long ago", [powerCut, close, kill], { run: 4, uncleanRun: 3, lostRun: 1 }],
    ["two kills", [kill, kill], { run: 3, uncleanRun: 2, lostRun: 0 }],
    ["a repair long ago", [kill, { ...close, isRepaired: true }, close], { run: 4, repairedRun: 1 }],
  ])("after %s knows which run was the last one of its kind", (_name, runs, expected) => {
    expect(markerAfter(runs)).toMatchObject({ ...expected, isClean: false });
  });

  it("treats a clean run on another machine as clean", () => {
    const last = { ...nextMarker(undefined, "boot-1", false), isClean: true };
    expect(nextMarker(last, "boot-2", false)).toMatchObject({ boot: "boot-2", uncleanRun: 0, lostRun: 0 });
  });

  it("records a repair as the last run before it", () => {
    expect(markerAfter([close, kill, close], true)).toMatchObject({ run: 4, repairedRun: 3 });
  });
});

describe("mayHaveLost", () => {
  const all: readonly Durability[] = ["memory", "process", "disk"];

  it.each<[string, readonly Run[], number, readonly Durability[]]>([
    ["a close", [close], 1, []],
    ["a kill", [kill], 1, ["memory"]],
    ["a power cut", [powerCut], 1, ["memory", "process"]],
    ["a kill before the log began", [kill], 2, []],
    ["a power cut before the log began", [powerCut], 2, []],
    ["a kill in a later run than that in which the log began", [close, close, kill], 2, ["memory"]],
    ["a kill and a close since the log began", [kill, close], 1, ["memory"]],
    ["a power cut and a close since the log began", [powerCut, close], 1, ["memory", "process"]],
    ["a power cut and then a kill", [powerCut, kill], 1, ["memory", "process"]],
    ["a power cut before the log began, and then a kill", [powerCut, kill], 2, ["memory"]],
  ])("after %s", (_name, runs, run, expected) => {
    const marker = markerAfter(runs);
    expect(all.filter((durability) => mayHaveLost(marker, { run, durability }))).toEqual(expected);
  });

  it("is true for every log begun before a repair, and false after", () => {
    const marker = markerAfter([close, close], true);
    for (const durability of all) {
      expect(mayHaveLost(marker, { run: 2, durability })).toBe(true);
      expect(mayHaveLost(marker, { run: 3, durability })).toBe(false);
    }
  });
});

describe("stampOf", () => {
  it("increases with the count, and further with the run", () => {
    const stamps = [
      stampOf(1, 0),
      stampOf(1, 1),
      stampOf(1, 2 ** 32 - 1),
      stampOf(2, 0),
      stampOf(100_000, 5),
    ];
    expect([...stamps].sort((a, b) => a - b)).toEqual(stamps);
    expect(new Set(stamps).size).toBe(stamps.length);
  });
});
