import { afterEach, describe, expect, it, vi } from "vitest";
import { ample, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import { ChannelLog } from "../../../src/brokers/lmdb/channel-log.js";
import { brokerEvents } from "../../channels/support/broker-events.js";
import { crashCopyOf, createBroker, createFolder, openBroker } from "./support/store.js";

afterEach(() => {
  vi.restoreAllMocks();
});

describe("start that fails while replaying the journal", () => {
  it("leaves nothing open, so the next start has everything", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    for (const data of ["1", "2", "3"]) await broker.log.publish("news", { data }, { retention: ample });
    const killed = crashCopyOf(folder);
    vi.spyOn(ChannelLog.prototype, "replay").mockImplementationOnce(() => {
      throw new Error("no memory");
    });
    const failing = createBroker(killed);
    await expect(failing.open(brokerEvents())).rejects.toThrow("no memory");
    const next = await openBroker(killed);
    expect(await offsetsIn(next.broker.log, "news")).toEqual([1, 2, 3]);
  });
});
