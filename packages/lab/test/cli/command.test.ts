import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { CliRun, runCli } from "../../../holdfast/test/cli/run-cli.js";
import { until } from "../../../holdfast/test/support/server.js";
import { createTemporaryFolder } from "../../../holdfast/test/support/temporary-folder.js";
import { progressLine } from "../../src/cli/progress.js";
import { labText } from "../../src/cli/text.js";
import { type LabResult, labTransports } from "../../src/report/index.js";
import { measured, resultOf } from "../report/measurement.js";

const short = ["lab", "--users", "3", "--duration", "1s", "--rate", "4", "--interval", "200ms"];

function temporaryFolder(): string {
  return createTemporaryFolder("lab");
}

/** Processes that a process has started. Linux only. */
function childrenOf(pid: number | undefined): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

function isThere(pid: number): boolean {
  try {
    // A process that has ended and is not yet looked after still has its number.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("holdfast lab", () => {
  it.each([
    [["--users", "x"], /--users must be a whole number from 1 to 8000, but is "x"/],
    [["--cut-every", "1ms"], /--cut-every must be a duration .* or 0 for never, but is "1ms"/],
    [["--rate", "0.01"], /--duration must be at least 100000 for one message/],
    [["--jitter", "5ms"], /--jitter must not be more than --delay \(0\), but is 5/],
    [["--transports", "smoke"], /--transports must be a non-empty list of poll, long-poll/],
    [["--preset", "smoke"], /unknown preset "smoke"; available presets are classic, crowd, chat, ticker/],
    [["--headers", "none"], /Allowed choices are browser, minimal/],
    [["--report", "lab.pdf"], /must be a file ending in \.html, \.svg, \.md, \.json, but is "lab\.pdf"/],
    [["--report", "/nowhere/lab.html"], /cannot write to its folder/],
  ])("%j is not understood: exit code 2 and a sentence", async (args, sentence) => {
    const { code, err } = await runCli(["lab", ...args]);
    expect([code, err]).toEqual([2, expect.stringMatching(sentence)]);
  });

  it("shows examples and presets", async () => {
    const { code, out } = await runCli(["lab", "--help"]);
    expect(code).toBe(0);
    expect(out).toMatch(/Presets[\s\S]*classic {3}\S[\s\S]*Examples:\n {2}\$ holdfast lab\n/);
  });

  it("says what it finds, with plain lines for how far it is, and writes a report", async () => {
    const report = join(temporaryFolder(), "lab.html");
    const args = [...short, "--transports", "poll,websocket", "--report", report];
    const { code, out, err } = await runCli(args);
    expect(code).toBe(0);
    expect(out).toMatch(/^poll .*none$/m);
    expect(out).toMatch(/^WebSocket .* 1×.*none$/m);
    expect(out).toMatch(/^Verdict: \S/m);
    expect(out.replace(/\s+/g, " ")).toMatch(/3 users polled \d+ times in 1(\.\d+)? s, every 200 ms each\./);
    expect(err).toMatch(/Polling[\s\S]*WebSocket[\s\S]*Report: /);
    expect(readFileSync(report, "utf8")).toMatch(/^<!doctype html>[\s\S]*<\/html>\n$/);
  });

  it("gives the result as JSON, alone on standard output", async () => {
    const { code, out } = await runCli([...short, "--transports", "sse", "--json"]);
    expect(code).toBe(0);
    const { measurements, settings } = JSON.parse(out) as LabResult;
    expect(settings).toMatchObject({ users: 3, ratePerSecond: 4, intervalMs: 200 });
    expect(measurements.map(({ transport }) => transport)).toEqual(["sse"]);
  });

  it("ends on SIGINT with what is finished, and leaves no process behind", async () => {
    const run = new CliRun(["lab", "--users", "3", "--duration", "1s", "--transports", "sse,websocket"]);
    await run.untilSaid(/✔|COMPLETED/);
    const children = childrenOf(run.child.pid);
    run.kill("SIGINT");
    expect(await run.exit()).toBe(0);
    expect(run.err).toContain("Stopping; results so far follow");
    expect(run.out).toMatch(/^SSE /m);
    expect(run.out).not.toMatch(/^WebSocket /m);
    await until(() => !children.some(isThere));
  });

  it("takes its processes with it when it is killed", async () => {
    const run = new CliRun(["lab", "--users", "3", "--duration", "60s", "--delay", "5ms"]);
    await until(() => childrenOf(run.child.pid).length === 3);
    const children = childrenOf(run.child.pid);
    run.kill("SIGKILL");
    await run.exit();
    await until(() => !children.some(isThere));
  });
});

describe("labText", () => {
  const huge = {
    bytesPerUser: 987_654_321,
    corePercent: 1234,
    p99Ms: 123_456,
    missed: 99_999,
    duplicates: 1,
    traffic: { requests: 9_999_999, responses: 1000, emptyResponses: 999 },
  };

  it("fits 100 columns, whatever the figures are", () => {
    const text = labText(resultOf(labTransports.map((each) => measured(each, huge))), 200);
    const longest = Math.max(...text.split("\n").map((line) => line.length));
    expect(longest).toBeLessThanOrEqual(100);
  });

  it("does not part a number from its unit", () => {
    for (let columns = 40; columns < 100; columns++) {
      const text = labText(resultOf([measured("poll"), measured("websocket")]), columns);
      expect(text).not.toMatch(/^ *(?:%|ms|kB)/m);
    }
  });
});

describe("progressLine", () => {
  it("has a bar, a share, the phase, the seconds left and what there is so far", () => {
    const sample = {
      transport: "sse",
      phase: "measuring",
      progress: 0.5,
      secondsLeft: 4.2,
      opened: 1200,
    } as const;
    expect(progressLine(sample)).toBe("████████████░░░░░░░░░░░░  50 %  measuring, 5 s left  1,200 users");
  });
});
