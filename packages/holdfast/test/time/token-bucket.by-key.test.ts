import { describe, expect, it } from "vitest";
import { TokenBuckets } from "../../src/time/token-bucket.js";

/** Empties the bucket of a key: two tokens at once, one more each second. */
function createBuckets(maxIdle?: number) {
  return new TokenBuckets({ perSecond: 1, burst: 2, ...(maxIdle !== undefined && { maxIdle }) });
}

describe("token buckets by key", () => {
  it("each have their own rate, and report when the next token is available", () => {
    const buckets = createBuckets();
    expect([buckets.take("a", 0), buckets.take("a", 0), buckets.take("a", 0)]).toEqual([0, 0, 1000]);
    expect(buckets.take("b", 0)).toBe(0);
    expect(buckets.take("a", 400)).toBe(600);
    expect(buckets.take("a", 1000)).toBe(0);
  });

  it("are shared by their holders, and outlive them until full", () => {
    const buckets = createBuckets();
    const one = buckets.hold("a", 0);
    expect(buckets.hold("a", 0)).toBe(one);
    one.tryTake(0);
    one.tryTake(0);
    buckets.release("a", 0);
    expect(buckets.hold("a", 0)).toBe(one);
    buckets.release("a", 0);
    buckets.release("a", 0);
    expect(buckets.size).toBe(1);
    expect(buckets.take("a", 0)).toBe(1000);
  });

  it("need no entry when full", () => {
    const buckets = createBuckets();
    buckets.hold("a", 0);
    buckets.release("a", 0);
    expect(buckets.size).toBe(0);
  });

  it("are dropped once full, as others are released", () => {
    const buckets = createBuckets();
    for (let i = 0; i < 100; i++) buckets.take(`early ${i}`, 0);
    buckets.take("later", 900);
    expect(buckets.size).toBe(101);
    buckets.take("last", 1000);
    expect(buckets.size).toBe(2);
  });

  it("are bounded: the least recently used is evicted", () => {
    const buckets = createBuckets(3);
    for (const key of ["a", "a", "b", "b", "c", "c", "a", "d", "d"]) buckets.take(key, 0);
    expect(buckets.size).toBe(3);
    expect([buckets.take("a", 0), buckets.take("c", 0), buckets.take("d", 0)]).toEqual([1000, 1000, 1000]);
    expect(buckets.take("b", 0)).toBe(0);
  });

  it("that are held are not evicted", () => {
    const buckets = createBuckets(1);
    const held = buckets.hold("held", 0);
    held.tryTake(0);
    for (const key of ["a", "b", "c"]) buckets.take(key, 0);
    expect(buckets.hold("held", 0)).toBe(held);
  });

  it("released once too often change nothing", () => {
    const buckets = createBuckets();
    buckets.release("a", 0);
    expect(buckets.size).toBe(0);
  });
});
