import { describe, expect, it } from "vitest";
import { findOutcome } from "../../bench/support/open-loop.js";

describe("outcome of an open loop", () => {
  it("tells a server that keeps up, that has fallen behind, and one that never will catch up", () => {
    expect([0, 60, 61, 400, 401].map((outstanding) => findOutcome(200, 600, outstanding))).toEqual([
      "kept up",
      "kept up",
      "fell behind",
      "fell behind",
      "hopeless",
    ]);
    expect([100, 101].map((outstanding) => findOutcome(200, 20_000, outstanding))).toEqual([
      "kept up",
      "fell behind",
    ]);
  });
});
