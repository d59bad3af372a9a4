import { describe, expect, it } from "vitest";
import { slotOf } from "../../../src/brokers/redis/layout.js";

describe("slot of a key", () => {
  // From CLUSTER KEYSLOT of a server.
  it.each([
    ["", 0],
    ["123456789", 12739],
    ["foo{bar}baz", 5061],
    ["bar", 5061],
    ["{}bar", 6479],
    ["h:{c:a}b}:meta", 5346],
  ])("of %j is %i", (key, slot) => {
    expect(slotOf(key)).toBe(slot);
  });
});
