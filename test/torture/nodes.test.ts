/** Short runs of several nodes on each broker, with real servers of the stores. */
import { rm } from "node:fs/promises";
import { describe, expect, it, onTestFinished } from "vitest";
import { reasonToSkip } from "../support/store-servers.js";
import { findMutation } from "./mutations.js";
import { type BrokerName, traitsOfBroker } from "./nodes/brokers.js";
import { readOptions } from "./options.js";
import type { TortureReport } from "./report.js";
import { runTorture } from "./run.js";

const args = "--nodes 3 --publishers 30 --subscribers 30 --channels 11 --people 6 --rate 250 --seconds 10";

async function torture(broker: BrokerName, more: string, mutation?: string): Promise<TortureReport> {
  const options = readOptions([...args.split(" "), "--broker", broker, ...more.split(" ")]);
  if (options === undefined) throw new Error("help was not asked for");
  const broken = mutation === undefined ? undefined : findMutation(mutation);
  const report = await runTorture({ ...options, mutation: broken }, () => {});
  if (mutation !== undefined) onTestFinished(() => rm(report.folder, { recursive: true, force: true }));
  return report;
}

const runs: readonly (readonly [broker: BrokerName, more: string])[] = [
  ["shared", "--seed 30 --troubles 40"],
  ["redis", "--seed 30 --troubles 40"],
  // A failover, and a partition.
  ["redis-sentinel", "--seed 30 --troubles 12 --kills 1"],
  ["nats", "--seed 30 --troubles 40"],
  // Servers are killed, leaders of streams among them, paused, and cut off from each other.
  ["nats-cluster", "--seed 30 --troubles 60 --kills 1"],
];

describe.each(runs)("torture of three nodes on %s", (broker, more) => {
  const reason = reasonToSkip(traitsOfBroker(broker).programs);
  const note = reason === undefined ? "" : `: ${reason}`;

  it.skipIf(reason)(`breaks no promise${note}`, { timeout: 900_000 }, async () => {
    let report = await torture(broker, more);
    // What a store does that loses what it has acknowledged says nothing of its nodes.
    for (let tries = 1; report.storeFault !== undefined && tries < 3; tries++)
      report = await torture(broker, more);
    const { violations, history, lines } = report;
    expect(violations, lines.join("\n")).toEqual([]);
    const acknowledged = history.publications.filter(({ attempts }) =>
      attempts.some(({ acknowledgement }) => acknowledgement !== undefined),
    );
    expect(acknowledged.length).toBeGreaterThan(100);
    expect(history.ends.length).toBeGreaterThan(0);
    expect(history.logsOfOthers.length).toBe(2 * history.logs.length);
  });
});

describe.each(["redis", "nats"] as const)("torture of three nodes on %s", (broker) => {
  const reason = reasonToSkip(traitsOfBroker(broker).programs);
  const note = reason === undefined ? "" : `: ${reason}`;

  it.skipIf(reason)(`finds that heads are not compared${note}`, { timeout: 900_000 }, async () => {
    const quick = "--seed 31 --node-faults partition --troubles 120 --faults 0 --settle-seconds 15";
    const { violations } = await torture(broker, quick, "unchecked");
    const broken = violations.map(({ promise }) => promise);
    expect(broken.filter((promise) => promise === "gap" || promise === "behind")).not.toEqual([]);
  });
});
