import { describe, expect, it } from "vitest";
import { type ChannelRules, checkRules, openRules, storageOf } from "../../src/channels/rules.js";

const withRetention = (part: object) => ({ ...openRules, retention: { ...openRules.retention, ...part } });

describe("rules of a channel", () => {
  it.each([
    [{ ...openRules, kind: "tree" }, "kind must be one of stream, live, latest, map, not tree"],
    [{ ...openRules, kind: "map" }, 'kind "map" requires retention.keys'],
    [withRetention({ keys: { maxKeys: 1, maxBytes: 1 } }), 'retention.keys requires kind "map"'],
    [
      withRetention({ keys: { maxKeys: 0, maxBytes: 1 } }),
      "retention.keys.maxKeys must be an integer from 1 to 9007199254740991, not 0",
    ],
    [
      withRetention({ keys: { maxKeys: 1, maxBytes: 1, ttlMs: 0 } }),
      "retention.keys.ttlMs must be an integer from 1 to 9007199254740991, not 0",
    ],
    [{ ...openRules, durability: "tape" }, "durability must be one of memory, process, disk, not tape"],
    [
      withRetention({ maxEntries: -1 }),
      "retention.maxEntries must be an integer from 0 to 9007199254740991, not -1",
    ],
    [
      withRetention({ maxBytes: Number.POSITIVE_INFINITY }),
      "retention.maxBytes must be an integer from 0 to 9007199254740991, not Infinity",
    ],
    [withRetention({ ttlMs: 1.5 }), "retention.ttlMs must be an integer from 0 to 9007199254740991, not 1.5"],
    [withRetention({ ttlMs: "7d" }), "retention.ttlMs must be an integer from 0 to 9007199254740991, not 7d"],
    [
      { ...openRules, retention: undefined },
      "retention.maxEntries must be an integer from 0 to 9007199254740991, not undefined",
    ],
  ])("are refused by name where they are not accepted: %j", (rules, words) => {
    expect(() => checkRules("news", rules as ChannelRules)).toThrow(
      expect.objectContaining({
        code: "HF_OPTION_INVALID",
        message: expect.stringContaining(`rulesFor("news"): ${words}`),
      }),
    );
  });

  it("may be empty, or any that are accepted", () => {
    expect(checkRules("news", undefined)).toBeUndefined();
    const rules = { ...openRules, kind: "latest", durability: "disk" } as const;
    expect(checkRules("news", rules)).toBe(rules);
    expect(checkRules("sport", rules)).toBe(rules);
  });

  it("keep no history of live channels, and promise nothing", () => {
    expect(storageOf({ ...openRules, kind: "live", durability: "disk" })).toEqual({
      retention: { maxEntries: 0, maxBytes: 0, ttlMs: 0 },
      durability: "memory",
    });
  });

  it("promise process durability by default", () => {
    expect(storageOf(openRules)).toEqual({ retention: openRules.retention, durability: "process" });
  });
});
