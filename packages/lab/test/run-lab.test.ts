/** Short runs with real processes and sockets. What is counted must be exact; how long anything takes is left alone. */
import { describe, expect, it } from "vitest";
import { until } from "../../holdfast/test/support/server.js";
import { openLabServer, resolveLabSettings, runLab } from "../src/index.js";
import type { LabMeasurement, LabSample, LabTransport } from "../src/report/index.js";
import { builtModules } from "./support/modules.js";

const users = 6;
const settings = resolveLabSettings({
  users,
  intervalMs: 100,
  ratePerSecond: 8,
  sizeBytes: 120,
  durationMs: 1000,
});

describe("a run of all transports", async () => {
  const samples: LabSample[] = [];
  const result = await runLab(settings, {
    modules: builtModules,
    onSample: (sample) => void samples.push(sample),
  });

  function of(transport: LabTransport): LabMeasurement {
    const found = result.measurements.find((each) => each.transport === transport);
    if (found === undefined) throw new Error(`${transport} was not measured`);
    return found;
  }

  it.each(settings.transports)("%s: everybody gets everything, once and in order", (transport) => {
    const { sequences, latency, traffic, errors, opened, messages, opening } = of(transport);
    expect(errors).toEqual({ count: 0, first: [] });
    expect([opened, messages]).toEqual([users, 8]);
    expect(sequences).toMatchObject({
      expected: sequences.published * users,
      missed: 0,
      duplicates: 0,
      outOfOrder: 0,
    });
    expect(sequences.published).toBeGreaterThanOrEqual(messages);
    expect(latency.count).toBe(messages * users);
    expect(latency.buckets.reduce((sum, { count }) => sum + count, 0)).toBe(latency.count);
    expect(traffic.bytesDown).toBeGreaterThan(traffic.deliveries * settings.sizeBytes);
    expect([traffic.cuts, traffic.reconnects]).toEqual([0, 0]);
    expect(opening.connections).toBe(users);
  });

  it.each(settings.transports)("%s: the server is measured, too", (transport) => {
    const { server, memory, windowMs } = of(transport);
    expect(server.userMs + server.systemMs).toBeGreaterThan(0);
    expect(server.corePercent).toBeGreaterThan(0);
    expect(memory.rssBefore).toBeGreaterThan(1e7);
    expect(memory.rssPeak).toBeGreaterThanOrEqual(memory.rssWithUsers * 0.9);
    expect(memory.heapPeak).toBeGreaterThanOrEqual(memory.heapWithUsers);
    expect(server.connections).toBeGreaterThanOrEqual(users);
    expect(windowMs).toBeGreaterThanOrEqual(999);
  });

  it("polls: every answer has messages or is empty, and answers are as many as requests", () => {
    const { traffic, windowMs } = of("poll");
    expect(traffic.requests).toBeGreaterThan(users);
    // Nobody asks more often than at the interval, however late or early timers are.
    expect(traffic.requests).toBeLessThanOrEqual(users * Math.ceil(windowMs / settings.intervalMs + 1));
    expect(Math.abs(traffic.requests - traffic.responses)).toBeLessThanOrEqual(users);
    // One that is not empty has a message at least, and a message comes in no more than one of each user.
    expect(traffic.responses - traffic.emptyResponses).toBeLessThanOrEqual(traffic.deliveries);
    expect(traffic.emptyResponses).toBeLessThan(traffic.responses);
  });

  it("long polls: each answer has a message, since none waits in vain for so long", () => {
    const { traffic } = of("long-poll");
    expect(traffic.emptyResponses).toBe(0);
    expect(traffic.responses).toBeGreaterThan(0);
  });

  it.each<LabTransport>(["sse", "http-stream", "websocket", "websocket-h2"])(
    "%s: nothing is asked for while it is open",
    (transport) => {
      const { traffic, opening } = of(transport);
      expect([traffic.requests, traffic.responses, traffic.connections]).toEqual([0, 0, 0]);
      expect(opening.requests).toBe(users);
      expect(traffic.frames).toBeGreaterThan(0);
      expect(traffic.bytesUp).toBe(0);
    },
  );

  it("says how far it is, phase by phase, with live figures", () => {
    expect(new Set(samples.map(({ phase }) => phase))).toEqual(
      new Set(["opening", "settling", "measuring", "draining"]),
    );
    expect(samples.every(({ progress }) => progress >= 0 && progress <= 1)).toBe(true);
    expect(samples.some(({ opened }) => opened === users)).toBe(true);
  });
});

describe("the least header fields", () => {
  it("cost fewer bytes than a browser's for the same requests", async () => {
    const bytesUp = async (headers: string) => {
      const input = { users: 2, transports: "poll", intervalMs: 100, durationMs: 1000, headers };
      const { measurements } = await runLab(resolveLabSettings(input), { modules: builtModules });
      const { traffic } = measurements[0] as LabMeasurement;
      return traffic.bytesUp / traffic.requests;
    };
    expect(await bytesUp("minimal")).toBeLessThan((await bytesUp("browser")) / 2);
  });
});

describe("a run that is ended", () => {
  it("has what was finished, and leaves no process behind", async () => {
    const controller = new AbortController();
    const { measurements } = await runLab(settings, {
      modules: builtModules,
      signal: controller.signal,
      onSample: ({ phase }) => phase === "measuring" && controller.abort(),
    });
    expect(measurements).toEqual([]);
    // A handle is let go of a moment after its process has ended.
    await until(() => !process.getActiveResourcesInfo().includes("ProcessWrap"));
  });

  it("says which process failed, and how", async () => {
    const modules = { ...builtModules, server: "/nowhere/server.js" };
    await expect(runLab(settings, { modules })).rejects.toMatchObject({
      code: "HF_LAB_FAILED",
      message: expect.stringMatching(/the lab's server: ended \(code 1\): [\s\S]*Cannot find module/),
    });
  });
});

describe("openLabServer", () => {
  it("is a server with a network before it, that can be published to and sampled", async () => {
    const network = { delayMs: 5, jitterMs: 2, cutEveryMs: 0, seed: 1 };
    const server = await openLabServer({ sizeBytes: 100, ...network }, builtModules);
    try {
      expect(server.port).not.toBe(server.serverPort);
      await Promise.all(["a", { b: 1 }, 3].map((data) => server.publish(data)));
      const response = await fetch(`http://127.0.0.1:${server.port}/channels/${server.channel}`);
      const { publications } = (await response.json()) as { publications: { data: unknown }[] };
      expect(publications.map(({ data }) => data)).toEqual(["a", { b: 1 }, 3]);
      expect((await server.startWindow()).rss).toBeGreaterThan(1e7);
      expect((await server.sampleAfterGc()).heapUsed).toBeGreaterThan(1e6);
    } finally {
      await server.close();
    }
    await expect(server.sample()).rejects.toMatchObject({ code: "HF_LAB_FAILED" });
  });
});
