import { describe, expect, it } from "vitest";
import { UsageError } from "../../bench/support/command.js";
import { fanOutShape, parseFanOutShapes, publishShapes } from "../../bench/support/shapes.js";

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

describe("shapes of fan-out", () => {
  it("reads channels and subscribers of each", () => {
    expect(parseFanOutShapes("1x1000, 1000x10", 10_000)).toEqual([
      { title: "1 channel of 1,000 subscribers", channels: 1, subscribers: 1000 },
      { title: "1,000 channels of 10 subscribers", channels: 1000, subscribers: 10_000 },
    ]);
  });

  it("refuses what is no shape, or has more subscribers than there may be", () => {
    for (const wrong of ["", "10", "0x5", "5x0", "10x10x10", "2x-1", "101x100"])
      expect(() => parseFanOutShapes(wrong, 10_000), wrong).toThrow(UsageError);
  });

  it("refuses subscribers that can't be spread evenly", () => {
    expect(() => fanOutShape(3, 10)).toThrow(UsageError);
    expect(fanOutShape(10, 10).title).toBe("10 channels of 1 subscriber");
  });
});
