/** Networks that cut, and servers that lose: readers must come back and miss nothing, and the check must be able to fail. */
import { afterEach, describe, expect, it } from "vitest";
import { resolveLabSettings, runLab } from "../../src/lab/index.js";
import { judge, type LabMeasurement } from "../../src/report/index.js";
import { builtModules, faultyModules } from "./support/modules.js";

describe("a network that delays and cuts", () => {
  it("loses nobody a message, whatever they read with", async () => {
    const settings = resolveLabSettings({
      users: 8,
      intervalMs: 100,
      perSecond: 20,
      durationMs: 1000,
      delayMs: 5,
      jitterMs: 5,
      cutEveryMs: 250,
      seed: 3,
    });
    const { measurements } = await runLab(settings, { modules: builtModules });
    for (const { transport, sequences, traffic, opened } of measurements) {
      const seen = { transport, ...sequences, opened };
      expect(seen).toMatchObject({ missed: 0, duplicates: 0, outOfOrder: 0, opened: 8 });
      // A poll that is cut between two requests does not notice it.
      expect(traffic.connections, transport).toBeGreaterThan(0);
      if (transport !== "poll") expect(traffic.cuts, transport).toBeGreaterThan(0);
      if (transport !== "poll") expect(traffic.reconnects, transport).toBeGreaterThan(0);
    }
    expect(measurements).toHaveLength(6);
  });
});

describe("a server with a defect", () => {
  afterEach(() => {
    delete process.env.HOLDFAST_LAB_FAULT;
  });

  async function runWith(fault: string) {
    process.env.HOLDFAST_LAB_FAULT = fault;
    const settings = resolveLabSettings({
      users: 3,
      transports: "sse",
      intervalMs: 100,
      perSecond: 5,
      durationMs: 1000,
    });
    const { measurements } = await runLab(settings, { modules: faultyModules });
    return { settings, measurement: measurements[0] as LabMeasurement };
  }

  it.each([
    ["lose", { missed: 3, duplicates: 0, outOfOrder: 0 }],
    ["repeat", { missed: 0, duplicates: 3, outOfOrder: 0 }],
    ["delay", { missed: 0, duplicates: 0, outOfOrder: 3 }],
  ])("is caught when it does %s a message", async (fault, outcome) => {
    const { settings, measurement } = await runWith(fault);
    expect(measurement.sequences).toMatchObject(outcome);
    expect(judge(settings, [measurement]).transport).toBeNull();
  });
});
