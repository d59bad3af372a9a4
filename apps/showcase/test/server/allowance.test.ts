import { describe, expect, it } from "vitest";
import { Allowance } from "../../server/allowance.js";

describe("Allowance", () => {
  it("gives so many at once, and then one in a while, to each for itself", () => {
    const allowance = new Allowance({ burst: 2, everyMs: 1000 });
    const take = (now: number, key = "Ann") => allowance.take(key, now);
    expect([take(0), take(0), take(0), take(400)]).toEqual([0, 0, 1000, 600]);
    expect([take(1000), take(1000), take(1000, "Bo")]).toEqual([0, 1000, 0]);
    expect([take(60_000), take(60_000), take(60_000)]).toEqual([0, 0, 1000]);
  });

  it("is not taken aback by a clock that is set back", () => {
    const allowance = new Allowance({ burst: 2, everyMs: 1000 });
    for (const now of [100_000, 100_000]) allowance.take("Ann", now);
    expect(allowance.take("Ann", 0)).toBe(1000);
  });

  it("forgets who has all again, and beyond a bound who came first", () => {
    const allowance = new Allowance({ burst: 1, everyMs: 1000, maxRemembered: 3 });
    for (const key of ["a", "b", "c", "d"]) allowance.take(key, 0);
    expect(allowance.remembered).toBe(3);
    allowance.take("e", 5000);
    expect(allowance.remembered).toBe(1);
  });
});
