import { describe, expect, it } from "vitest";
import { createEpoch } from "../../src/brokers/epochs.js";
import { formatPosition, parsePosition } from "../../src/wire/messages.js";

describe("epoch", () => {
  it("has at least 64 bits of entropy", () => {
    const epochs = Array.from({ length: 1000 }, createEpoch);
    expect(new Set(epochs).size).toBe(1000);
    for (const epoch of epochs) expect(Buffer.from(epoch, "base64url").length * 8).toBeGreaterThanOrEqual(64);
    // Of each bit both values come up.
    const seen = Array.from(
      { length: 64 },
      (_, bit) =>
        new Set(epochs.map((epoch) => ((Buffer.from(epoch, "base64url")[bit >> 3] ?? 0) >> (bit & 7)) & 1))
          .size,
    );
    expect(seen).toEqual(seen.map(() => 2));
  });

  it("is safe in URLs and event ids", () => {
    for (let i = 0; i < 100; i++) {
      const position = { epoch: createEpoch(), offset: 7 };
      expect(parsePosition(formatPosition(position))).toEqual(position);
      expect(encodeURIComponent(position.epoch)).toBe(position.epoch);
    }
  });
});
