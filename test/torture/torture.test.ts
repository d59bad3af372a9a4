import { rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { findMutation } from "./mutations.js";
import { readOptions } from "./options.js";
import type { TortureReport } from "./report.js";
import { runTorture } from "./run.js";

const args = "--publishers 40 --subscribers 40 --channels 10 --sdk-subscribers 4 --rate 300".split(" ");

async function torture(more: string, mutation?: string): Promise<TortureReport> {
  const options = readOptions([...args, ...more.split(" ")]);
  if (options === undefined) throw new Error("help was not asked for");
  const broken = mutation === undefined ? undefined : findMutation(mutation);
  const report = await runTorture({ ...options, mutation: broken }, () => {});
  // A run that was to fail leaves its folder; one that was not keeps it for whoever looks for the reason.
  if (mutation !== undefined) onTestFinished(() => rm(report.folder, { recursive: true, force: true }));
  return report;
}

describe("torture", () => {
  it("breaks no promise", { timeout: 900_000 }, async () => {
    const { violations, history, lines } = await torture("--seed 30 --seconds 6 --kills 3");
    expect(violations, lines.join("\n")).toEqual([]);
    // And it was no idle time.
    const acknowledged = history.publications.filter(({ attempts }) =>
      attempts.some(({ acknowledgement }) => acknowledgement !== undefined),
    );
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(history.readings.some(({ events }) => events.some(({ kind }) => kind === "delivered"))).toBe(true);
    expect(history.ends.length).toBeGreaterThanOrEqual(3);
  });

  it("finds that publications are dropped", { timeout: 900_000 }, async () => {
    const { violations } = await torture(
      "--seed 21 --seconds 2 --kills 0 --faults 0 --settle-seconds 3",
      "drop",
    );
    expect(new Set(violations.map(({ promise }) => promise))).toContain("gap");
  });
});
