import { describe, expect, it } from "vitest";
import { ample, query } from "../../../../../test/conformance/broker/fixture.js";
import { createFolder, openBroker } from "./support/store.js";

const second = 1000;
const minute = 60 * second;
const keysWith = (ttlMs: number) => ({ ...ample, keys: { maxKeys: 100, maxBytes: 100_000, ttlMs } });

/** Nobody reads or writes it, so it is not in memory when its keys' time is over. */
describe("idle map", () => {
  it.each([
    ["as they were published first", [3 * minute]],
    ["that are shorter than those it had before", [60 * minute, 3 * minute]],
  ])("has its keys removed within half a minute of their time: times %s", async (_name, ttls) => {
    const { broker, clock, advance, checkpoint } = await openBroker(createFolder());
    for (const ttlMs of ttls) {
      await broker.log.publish("map", { key: `k${ttlMs}`, data: "1" }, { retention: keysWith(ttlMs) });
      await checkpoint();
    }
    const begun = clock.now();
    await advance(3 * minute - 5 * second, 20);
    expect(broker.sizes.loadedChannels).toBe(0);
    await advance(60 * second, 60);
    const { publications } = await broker.log.history("map", query());
    const removals = publications.filter(({ isRemoved }) => isRemoved);
    expect(removals).toHaveLength(ttls.length);
    for (const { time } of removals) {
      expect(time - begun).toBeGreaterThanOrEqual(3 * minute - second);
      expect(time - begun).toBeLessThanOrEqual(3 * minute + 30 * second + second);
    }
  });
});
