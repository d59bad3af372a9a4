import { describe, expect, it } from "vitest";
import {
  defaultLabSettings,
  type LabInput,
  labPreset,
  labPresets,
  parseLabDuration,
  resolveLabSettings,
} from "../src/index.js";

const many = 20_000;

describe("resolveLabSettings", () => {
  it("has defaults, and takes numbers, texts and durations", () => {
    expect(resolveLabSettings({}, many)).toEqual(defaultLabSettings);
    const given = { users: "20", intervalMs: "0.5s", ratePerSecond: "2.5", transports: "websocket,poll" };
    expect(resolveLabSettings(given, many)).toMatchObject({
      users: 20,
      intervalMs: 500,
      ratePerSecond: 2.5,
      // In the order in which they are measured.
      transports: ["poll", "websocket"],
    });
  });

  it.each([
    [{ users: 0 }, "users must be a whole number from 1 to 8000, but is 0"],
    [{ users: 1.5 }, "users must be a whole number from 1 to 8000, but is 1.5"],
    [{ users: "" }, 'users must be a whole number from 1 to 8000, but is ""'],
    [{ ratePerSecond: 10_001 }, "ratePerSecond must be a number from 0.01 to 10000, but is 10001"],
    [{ ratePerSecond: Number.NaN }, "ratePerSecond must be a number from 0.01 to 10000, but is null"],
    [{ sizeBytes: 15 }, "sizeBytes must be a whole number from 16 to 65536, but is 15"],
    [
      { durationMs: "11m" },
      'durationMs must be a duration such as 500ms, 1s or 2m, from 1000 to 600000 ms, but is "11m"',
    ],
    [
      { cutEveryMs: "100ms" },
      'cutEveryMs must be a duration such as 500ms, 1s or 2m, from 200 to 3600000 ms, or 0 for never, but is "100ms"',
    ],
    [
      { transports: "poll,carrier-pigeon" },
      'transports must be a non-empty list of poll, long-poll, sse, http-stream, websocket, websocket-h2, each once, but is "poll,carrier-pigeon"',
    ],
    [
      { transports: [] },
      "transports must be a non-empty list of poll, long-poll, sse, http-stream, websocket, websocket-h2, each once, but is []",
    ],
    [{ isTwoWay: "yes" }, 'isTwoWay must be true or false, but is "yes"'],
    [{ headers: "none" }, 'headers must be browser or minimal, but is "none"'],
    [{ jitterMs: 5 }, "jitterMs must not be more than delayMs (0), but is 5"],
    [
      { ratePerSecond: 0.1, durationMs: 9000 },
      "durationMs must be at least 10000 for one message at 0.1 a second, but is 9000",
    ],
    [
      { ratePerSecond: 10_000, sizeBytes: 65_536 },
      "10000 messages a second of 65536 bytes exceed the maximum of 33554432 bytes a second",
    ],
    [{ speed: 1 }, /unknown setting speed; the lab accepts transports, users/],
  ])("does not take %j, and says what it takes", (input, message) => {
    expect(() => resolveLabSettings(input as LabInput, many)).toThrow(message);
  });

  it("bounds users by the files that may be open, and by how many each takes", () => {
    const only = (transports: string, more = {}) =>
      resolveLabSettings({ users: 100, transports, ...more }, 150);
    expect(only("websocket").users).toBe(100);
    expect(() => only("http-stream")).toThrow(
      "users must be at most 75 here, but is 100: a process may have 150 connections open (see ulimit -n), and a user takes up to 2",
    );
    expect(() => only("websocket", { delayMs: 5 })).toThrow(/at most 75 here/);
    expect(() => only("http-stream", { delayMs: 5 })).toThrow(/at most 37 here/);
  });
});

describe("parseLabDuration", () => {
  it.each([
    ["1s", 1000],
    ["1.5s", 1500],
    ["2m", 120_000],
    ["250ms", 250],
    ["0", 0],
    [7, 7],
    ["1h", undefined],
    ["-1s", undefined],
    ["s", undefined],
    [true, undefined],
  ])("%j is %j ms", (text, expected) => {
    expect(parseLabDuration(text)).toBe(expected);
  });
});

describe("presets", () => {
  it("are accepted as they are", () => {
    for (const name of Object.keys(labPresets))
      expect(resolveLabSettings(labPreset(name).input, many).users).toBeGreaterThan(0);
  });

  it("are named where one is not known", () => {
    expect(() => labPreset("toString")).toThrow(
      /unknown preset "toString"; available presets are classic, crowd, chat, ticker/,
    );
  });
});
