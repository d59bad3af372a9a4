import { describe, expect, it } from "vitest";
import { judge, type LabMeasurement, type LabSettings } from "../../src/report/index.js";
import { measured, settings } from "./measurement.js";

const cheap = { corePercent: 2, bytesPerUser: 8000, p99Ms: 900 };

function verdictOf(measurements: readonly LabMeasurement[], more: Partial<LabSettings> = {}) {
  return judge({ ...settings, ...more }, measurements);
}

describe("judge", () => {
  it("says that no socket is needed where polling is cheap and latency of a poll is acceptable", () => {
    const verdict = verdictOf([measured("poll", cheap), measured("sse"), measured("websocket")]);
    expect(verdict).toMatchObject({
      transport: "poll",
      title: "Polling is enough; no socket is needed.",
    });
    expect(verdict.reasons.join(" ")).toContain("8 kB per user and minute");
    expect(verdict.reasons.join(" ")).toContain("900 ms");
    expect(verdict.others.map(({ transport }) => transport)).toEqual(["sse", "websocket"]);
  });

  it.each([
    ["costs the server", { ...cheap, corePercent: 5.1 }, {}],
    ["costs the line", { ...cheap, bytesPerUser: 20_001 }, {}],
    ["is late", { ...cheap, p99Ms: 1001 }, {}],
    ["serves one direction only", cheap, { isTwoWay: true }],
  ])("does not say so where polling %s", (_why, poll, more) => {
    const verdict = verdictOf([measured("poll", poll), measured("sse"), measured("websocket")], more);
    expect(verdict.transport).not.toBe("poll");
  });

  it("takes a stream where messages go one way, and says what polling would cost", () => {
    const verdict = verdictOf([
      measured("poll", { corePercent: 40, p99Ms: 990 }),
      measured("sse", { bytesPerUser: 9000 }),
      measured("websocket", { bytesPerUser: 8000 }),
    ]);
    expect(verdict.transport).toBe("sse");
    expect(verdict.reasons.join(" ")).toContain("50 kB per user and minute against 9 kB");
    expect(verdict.others[0]?.line).toContain("5.56 times the recommended one");
  });

  it.each([
    ["clients send, too", { isTwoWay: true }, /Clients also send/],
    ["rates are high", { ratePerSecond: 10 }, /10 messages a second are many/],
    ["news must be there at once", { maxLatencyMs: 99 }, /at most 99 ms/],
  ])("takes a WebSocket where %s", (_why, more, reason) => {
    const all = [measured("poll", { p99Ms: 900 }), measured("sse"), measured("websocket")];
    const verdict = verdictOf(all, more);
    expect(verdict.transport).toBe("websocket");
    expect(verdict.reasons.join(" ")).toMatch(reason);
  });

  it("takes one over HTTP/2 where the other is stopped, and a stream where both are", () => {
    const all = [measured("sse"), measured("websocket"), measured("websocket-h2")];
    const more = { isTwoWay: true };
    expect(verdictOf(all, { ...more, blocked: ["websocket"] }).transport).toBe("websocket-h2");
    expect(verdictOf(all, { ...more, blocked: ["websocket", "websocket-h2"] }).transport).toBe("sse");
  });

  it("takes a WebSocket where streams are stopped, and a long poll where that is, too", () => {
    const all = [measured("poll"), measured("long-poll"), measured("sse"), measured("websocket")];
    expect(verdictOf(all, { blocked: ["sse"] }).transport).toBe("websocket");
    const verdict = verdictOf(all, { blocked: ["sse", "websocket"] });
    expect(verdict.transport).toBe("long-poll");
    expect(verdict.reasons[0]).toContain("Messages are rare");
    expect(verdict.others.find(({ transport }) => transport === "sse")?.line).toBe(
      "Ruled out: the network blocks it.",
    );
    const busy = verdictOf(all, { blocked: ["sse", "websocket"], ratePerSecond: 5 });
    expect(busy.reasons[0]).toContain("each user polls about as often");
  });

  it("takes polling where nothing else is left, and says what kept each of the others out", () => {
    expect(verdictOf([measured("poll")])).toMatchObject({ transport: "poll" });
    expect(verdictOf([measured("poll")]).reasons[0]).toBe("Nothing else was measured.");
    const all = [
      measured("poll"),
      measured("long-poll", { p99Ms: 2000 }),
      measured("sse", { missed: 1 }),
      measured("http-stream", { opened: 3 }),
      measured("websocket"),
    ];
    expect(verdictOf(all, { blocked: ["websocket"] }).reasons[0]).toBe(
      "Nothing else is available: Long polling (too slow), Server-sent events (delivery faults), " +
        "HTTP stream (not all users connected), WebSocket (blocked by the network).",
    );
  });

  it("does not say that messages go one way, or that a stream is enough, where clients send", () => {
    const all = [measured("poll", cheap), measured("sse"), measured("websocket")];
    const verdict = verdictOf(all, { isTwoWay: true, blocked: ["websocket"] });
    expect(verdict).toMatchObject({
      transport: "sse",
      title: "Server-sent events: the next best, since no WebSocket is available.",
    });
    expect(verdict.reasons.slice(0, 3)).toEqual([
      "A WebSocket would be better, but none is available: WebSocket (blocked by the network).",
      "Clients send with separate requests. Messages come 1 a second and arrived within 50 ms (99 %).",
      "Polling every 1 s was cheap, but is chosen only where clients do not send.",
    ]);
  });

  it.each([
    [
      { bytesPerUser: 59_700, corePercent: 2 },
      "59.7 kB per user and minute against 245 kB, where up to 20 kB counts as cheap",
    ],
    [{ bytesPerUser: 5000, corePercent: 40 }, "40 % of a core against 10 %, where up to 5 % counts as cheap"],
  ])("says what made polling dear, and nothing else: %j", (poll, why) => {
    const verdict = verdictOf([measured("poll", poll), measured("sse", { bytesPerUser: 245_000 })]);
    expect(verdict.reasons[1]).toBe(`Polling every 1 s is not cheap: ${why}.`);
  });

  it("says nothing of what polling costs where that did not keep it out", () => {
    for (const [poll, more] of [
      [measured("poll", { p99Ms: 5000 }), {}],
      [measured("poll", { missed: 1 }), {}],
      [measured("poll", cheap), { blocked: ["poll"] as const }],
    ] as const)
      expect(verdictOf([poll, measured("sse")], more).reasons.join(" ")).not.toContain("Polling");
  });

  it("says why there is no stream where a socket is more than is needed", () => {
    const all = [measured("sse"), measured("websocket")];
    expect(verdictOf(all, { blocked: ["sse"] }).reasons[0]).toBe(
      "A stream would be enough, but none is available: Server-sent events (blocked by the network).",
    );
    expect(verdictOf([measured("websocket")]).reasons[0]).toContain("none was measured");
  });

  it("does not say when messages arrived where none was due", () => {
    const verdict = verdictOf([measured("sse", { p99Ms: null })]);
    expect(verdict.reasons[0]).toBe("Messages go one way, 1 a second, but none was due in the window.");
  });

  it.each([
    ["missed", { missed: 3 }, /3 missed, 0 duplicated/],
    ["repeated", { duplicates: 2 }, /2 duplicated/],
    ["mixed up", { outOfOrder: 1 }, /1 out of order/],
    ["did not let in", { opened: 99 }, /only 99 of 100 users/],
  ])("never takes what %s", (_what, given, line) => {
    const verdict = verdictOf([measured("sse", given), measured("websocket")]);
    expect(verdict.transport).toBe("websocket");
    expect(verdict.others[0]?.line).toMatch(line);
    expect(verdictOf([measured("sse", given)]).transport).toBeNull();
  });

  it("says that a transport is faulty as a caveat, too", () => {
    const verdict = verdictOf([measured("sse", { missed: 1 }), measured("websocket")]);
    expect(verdict.caveats.join(" ")).toContain("Server-sent events did not deliver every message");
  });

  it("names the fastest where all are too slow, and says so", () => {
    const all = [measured("poll", { p99Ms: 900 }), measured("sse", { p99Ms: 300 })];
    const verdict = verdictOf(all, { maxLatencyMs: 200 });
    expect(verdict).toMatchObject({
      transport: "sse",
      title: "Server-sent events is the fastest, but too slow.",
    });
    expect(verdict.others[0]?.line).toContain("Too slow: 1 % of messages took 900 ms or longer.");
  });

  it("minds a load that was short of time, a busy machine, errors, and few deliveries", () => {
    const given = measured("sse", { isLoadBound: true, machineBusy: 0.97, errors: 2 });
    const few = { ...given, load: { ...given.load, loopUtilization: 0.9 } };
    const caveats = verdictOf([{ ...few, latency: { ...few.latency, count: 5 } }]).caveats.join("\n");
    expect(caveats).toContain("short of processor time for Server-sent events");
    expect(caveats).toContain("All cores of this machine were busy");
    expect(caveats).toContain("There were errors");
    expect(caveats).toContain("Only 5 deliveries");
    expect(caveats).not.toContain("on one machine");
  });

  it("does not call a load short of time that was busy only while messages arrived", () => {
    const caveats = verdictOf([measured("sse", { isLoadBound: true })]).caveats.join("\n");
    expect(caveats).toContain("was busy while messages arrived over Server-sent events");
    expect(caveats).not.toContain("fewer users");
  });

  it("minds intervals of polls that are long for the window, or for what goes before it", () => {
    const caveatsAt = (intervalMs: number, name: "poll" | "sse" = "poll") =>
      verdictOf([measured(name, cheap)], { intervalMs }).caveats.join("\n");
    expect(caveatsAt(30_000)).not.toMatch(/window of|before the window/);
    expect(caveatsAt(30_001)).toMatch(/window of 60 s is shorter than two intervals/);
    expect(caveatsAt(300_000)).toMatch(/published for only 2 min before the window/);
    expect(caveatsAt(300_000, "sse")).not.toMatch(/window of|before the window/);
  });

  it("minds that a long poll asks once for each message", () => {
    const { caveats } = verdictOf([measured("long-poll")], { ratePerSecond: 0.5 });
    expect(caveats[0]).toBe(
      "Each message costs every user a request: with more than 0.5 a second, there are more requests, too.",
    );
  });

  it("minds that nothing was due, and that there was no network", () => {
    const verdict = verdictOf([measured("poll", { ...cheap, p99Ms: null })], { delayMs: 0 });
    expect(verdict.transport).toBe("poll");
    expect(verdict.caveats.join("\n")).toMatch(/latency is unknown[\s\S]*on one machine/);
  });

  it("says that nothing was measured", () => {
    expect(verdictOf([])).toMatchObject({ transport: null, title: "Nothing was measured." });
  });
});
