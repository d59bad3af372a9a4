import { describe, expect, it } from "vitest";
import { publishShapes } from "../../bench/support/shapes.js";

describe("shapes of publishing", () => {
  it("has no more connections and channels than publishers, and no shape twice", () => {
    const shapes = publishShapes({ publishers: [1, 1000], connections: [1000, 50], channels: [1] });
    expect(shapes.map(({ title }) => title)).toEqual([
      "1 publisher on 1 connection, 1 channel",
      "1,000 publishers on 1,000 connections, 1 channel",
      "1,000 publishers on 50 connections, 1 channel",
    ]);
  });
});
