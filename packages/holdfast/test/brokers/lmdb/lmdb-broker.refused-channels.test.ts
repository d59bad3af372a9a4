import { afterEach, describe, expect, it, vi } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { Journal } from "../../../src/brokers/lmdb/journal.js";
import { systemError } from "./support/faults.js";
import { createFolder, openBroker } from "./support/store.js";

afterEach(() => void vi.restoreAllMocks());

describe("channels whose first write is refused", () => {
  it("take no memory and no channel quota", async () => {
    const { broker } = await openBroker(createFolder(), { maxChannels: 100 });
    const append = vi.spyOn(Journal.prototype, "append").mockRejectedValue(systemError("ENOSPC"));
    const publish = (n: number) => broker.log.publish(`news-${n}`, { data: "1" }, { retention: ample });
    for (const round of countTo(5)) {
      const names = countTo(100).map((n) => round * 100 + n);
      const outcomes = await Promise.allSettled(names.map(publish));
      for (const outcome of outcomes) {
        expect(outcome).toMatchObject({ status: "rejected" });
        expect(outcome).toMatchObject({ reason: expect.objectContaining({ code: "HF_BROKER_FULL" }) });
      }
    }
    append.mockRestore();
    expect(broker.sizes).toMatchObject({ loadedChannels: 0, pendingChannels: 0, pendingPublishes: 0 });
    for (const n of countTo(100)) await publish(n);
    expect(broker.sizes.loadedChannels).toBe(100);
  });
});
