import { describe, expect, it } from "vitest";
import { resolveLabSettings } from "../../../../packages/lab/src/index.js";
import { createTable, emptyShare, judge } from "../../../../packages/lab/src/report/index.js";
import { measureClockAheadMs } from "../../lab/model/browser-run.js";
import { presets, requestProblem } from "../../lab/model/lab-request.js";
import { Tally, toMeasurement, toSettings } from "../../lab/model/tally.js";

const use = {
  ...{ cpuMs: 30, userMs: 20, systemMs: 10, rss: 3 * 1024 * 1024, rssBefore: 1024 * 1024, heapUsed: 5 },
  ...{ loopDelayP99Ms: 1, bytesUp: 600, bytesDown: 400, connections: 2 },
};

describe("the clock of the server", () => {
  it("is told by the quickest round trip", async () => {
    let now = 0;
    const trips = [40, 2, 60, 40, 40, 40];
    const ask = async () => {
      const trip = trips.shift() ?? 0;
      // What the way there takes and what the way back takes need not be the same, and that cannot be known.
      const at = now + trip * 0.25;
      now += trip;
      return at + 5000;
    };
    expect(await measureClockAheadMs({ ask, now: () => now })).toBe(4999.5);
    expect(trips).toEqual([]);
  });
});

describe("a tally", () => {
  it("takes delays by both clocks, and none below nothing", () => {
    const clock = { now: 1000 };
    const tally = new Tally(() => clock.now, 250);
    tally.take({ n: 1, at: 1200 });
    tally.take({ n: 2, at: 1251 });
    tally.take({ n: 2, at: 1200 });
    expect(tally.points).toEqual([
      { at: 1000, latencyMs: 50 },
      { at: 1000, latencyMs: 0 },
    ]);
    expect([tally.deliveries, tally.check.received, tally.check.duplicates]).toEqual([3, 2, 1]);
  });

  it("forgets what opening took, but not what has come", () => {
    const tally = new Tally(() => 0, 0);
    tally.requests = 3;
    tally.answer(0);
    tally.take({ n: 1, at: 0 });
    tally.begin();
    expect([tally.requests, tally.responses, tally.emptyResponses, tally.deliveries]).toEqual([0, 0, 0, 0]);
    expect(tally.check.received).toBe(1);
  });

  it("keeps so many points and errors, and no more", () => {
    const tally = new Tally(() => 0, 0);
    for (let n = 1; n <= 5000; n++) tally.take({ n, at: 0 });
    for (let count = 0; count < 10; count++) tally.fail(`fault ${count}`);
    expect([tally.points.length, tally.errors, tally.firstErrors.length]).toEqual([4000, 10, 3]);
  });
});

describe("what a browser has counted", () => {
  it("can be judged and shown like any other measurement", () => {
    const tally = new Tally(() => 10, 0);
    for (const n of [1, 2, 4]) tally.take({ n, at: 0 });
    tally.requests = 20;
    for (let count = 0; count < 20; count++) tally.answer(count < 3 ? 1 : 0);
    const measurement = toMeasurement({
      transport: "poll",
      tally,
      use,
      published: 4,
      windowMs: 10_000,
      isOpen: true,
    });
    expect(measurement).toMatchObject({
      users: 1,
      traffic: {
        requests: 20,
        responses: 20,
        emptyResponses: 17,
        bytesUp: 600,
        bytesDown: 400,
        connections: 2,
      },
      server: { corePercent: 0.3, microsPerDelivery: 10_000 },
      sequences: { expected: 4, missed: 1, duplicates: 0 },
      memory: { kibPerUser: 2048 },
    });
    expect(emptyShare(measurement)).toBe(0.85);
    const settings = toSettings({ transports: ["poll"] });
    expect(judge(settings, [measurement]).transport).toBeNull();
    const table = createTable({
      version: "",
      startedAt: "",
      machine: {} as never,
      settings,
      measurements: [measurement],
    });
    expect(table.rows[0]?.slice(0, 3)).toEqual(["Polling", "120", "85 %"]);
  });
});

describe("settings of the page", () => {
  it.each(presets)("$name are accepted by page and engine", ({ request }) => {
    expect(requestProblem(request)).toBeUndefined();
    expect(resolveLabSettings({ ...request })).toMatchObject({ ratePerSecond: request.ratePerSecond });
  });

  it.each([
    [{ ratePerSecond: Number.NaN }, /^Messages must be 0.05 to 50/],
    [{ ratePerSecond: 51 }, /^Messages/],
    [{ sizeBytes: 39 }, /^Size must be 40 to/],
    [{ durationMs: 31_000 }, /^For must be 3 to 30 seconds/],
    [{ users: 301 }, /^Users/],
    [{ transports: [] }, /at least one transport/],
    [{ delayMs: 10, jitterMs: 11 }, /jitter cannot be more/],
    [{ ratePerSecond: 0.1, durationMs: 3000 }, /too short/],
  ])("%j is told in words", (part, words) => {
    expect(requestProblem({ ...(presets[0] as (typeof presets)[number]).request, ...part })).toMatch(words);
  });
});
