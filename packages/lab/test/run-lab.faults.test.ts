/** Networks that cut, and servers that lose: readers must come back and miss nothing, and the check must be able to fail. */
import { afterEach, describe, expect, it } from "vitest";
import { resolveLabSettings, runLab } from "../src/index.js";
import { judge, type LabMeasurement, labTransports } from "../src/report/index.js";
import { builtModules, faultyModules } from "./support/modules.js";

describe("a network that delays and cuts", () => {
  it.each(labTransports)("loses nobody a message over %s", async (transport) => {
    const settings = resolveLabSettings({
      transports: [transport],
      users: 8,
      intervalMs: 100,
      ratePerSecond: 20,
      durationMs: 3000,
      delayMs: 5,
      jitterMs: 5,
      cutEveryMs: 250,
      seed: 3,
    });
    const { measurements } = await runLab(settings, { modules: builtModules });
    const { sequences, traffic, opened } = measurements[0] as LabMeasurement;
    expect({ ...sequences, opened }).toMatchObject({ missed: 0, duplicates: 0, outOfOrder: 0, opened: 8 });
    expect(traffic.connections).toBeGreaterThan(0);
    // A poll that is cut between two requests does not notice it.
    if (transport === "poll") return;
    expect(traffic.cuts).toBeGreaterThan(0);
    expect(traffic.reconnects).toBeGreaterThan(0);
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
      ratePerSecond: 5,
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
