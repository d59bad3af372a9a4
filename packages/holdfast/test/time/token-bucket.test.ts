import { describe, expect, it } from "vitest";
import { TokenBucket } from "../../src/time/token-bucket.js";

function takeMany(bucket: TokenBucket, count: number, now: number): string[] {
  return Array.from({ length: count }, () => bucket.take(now));
}

describe("token bucket", () => {
  it("gives a full bucket at once, then nothing", () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect(takeMany(bucket, 4, 0)).toEqual(["ok", "ok", "ok", "empty"]);
  });

  it("is overdrawn when as much again was taken on credit", () => {
    const bucket = new TokenBucket(10, 3, 0);
    const taken = takeMany(bucket, 8, 0);
    expect(taken.slice(0, 6)).toEqual(["ok", "ok", "ok", "empty", "empty", "empty"]);
    expect(taken.slice(6)).toEqual(["overdrawn", "overdrawn"]);
  });

  it("fills at its rate", () => {
    const bucket = new TokenBucket(10, 3, 0);
    takeMany(bucket, 3, 0);
    expect(takeMany(bucket, 3, 200)).toEqual(["ok", "ok", "empty"]);
  });

  it("adds up small parts of a token", () => {
    const bucket = new TokenBucket(2, 2, 0);
    takeMany(bucket, 2, 0);
    expect(bucket.take(250)).toBe("empty");
    expect(bucket.take(1000)).toBe("ok");
  });

  it("never holds more than a full bucket", () => {
    const bucket = new TokenBucket(10, 3, 0);
    takeMany(bucket, 3, 0);
    expect(takeMany(bucket, 4, 1_000_000)).toEqual(["ok", "ok", "ok", "empty"]);
  });

  it("must pay its credit back first", () => {
    const bucket = new TokenBucket(10, 3, 0);
    takeMany(bucket, 5, 0);
    expect(bucket.take(200)).toBe("empty");
    expect(bucket.take(400)).toBe("ok");
  });

  it("gives nothing for a clock that goes back", () => {
    const bucket = new TokenBucket(10, 1, 1000);
    expect(bucket.take(1000)).toBe("ok");
    expect(bucket.take(0)).toBe("empty");
  });

  it("says how long it takes until there is a token, debt included", () => {
    const bucket = new TokenBucket(10, 3, 0);
    expect(bucket.waitMs(0)).toBe(0);
    takeMany(bucket, 3, 0);
    expect(bucket.waitMs(0)).toBe(100);
    takeMany(bucket, 2, 0);
    expect(bucket.waitMs(50)).toBe(250);
  });

  it("gives no credit to tryTake", () => {
    const bucket = new TokenBucket(10, 2, 0);
    expect(Array.from({ length: 4 }, () => bucket.tryTake(0))).toEqual([true, true, false, false]);
    expect(bucket.tryTake(100)).toBe(true);
  });

  it("takes several at once, and is full when all is made up for", () => {
    const bucket = new TokenBucket(10, 5, 0);
    expect(bucket.take(0, 7)).toBe("empty");
    expect(bucket.isFull(699)).toBe(false);
    expect(bucket.isFull(700)).toBe(true);
    expect(bucket.take(700, 11)).toBe("overdrawn");
  });
});
