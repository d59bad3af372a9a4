import { afterEach, describe, expect, it, vi } from "vitest";
import { ample } from "../../../../../test/conformance/broker/fixture.js";
import { Journal } from "../../../src/brokers/lmdb/journal.js";
import { powerCutCopyOf, systemError } from "./support/faults.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

afterEach(() => void vi.restoreAllMocks());

describe("log whose durability is lowered", () => {
  it("applies it only once that is written, also when the first attempt is refused", async () => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    await broker.log.publish("news", { data: "1" }, { retention: ample, durability: "process" });
    await checkpoint();
    const volatile = { retention: ample, durability: "memory" } as const;
    vi.spyOn(Journal.prototype, "append").mockRejectedValueOnce(systemError("ENOSPC"));
    await expect(broker.log.publish("news", { data: "2" }, volatile)).rejects.toMatchObject({
      code: "HF_BROKER_FULL",
    });
    const told = await broker.log.publish("news", { data: "3" }, volatile);
    const next = await openBroker(crashCopyOf(folder));
    const other = await next.broker.log.publish("news", { data: "4" }, { retention: ample });
    expect(other.position).not.toEqual(told.position);
  });

  it("applies it only once that is flushed, also right after the log is created", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const { append, flush } = Journal.prototype;
    let flushed = 0;
    vi.spyOn(Journal.prototype, "flush").mockImplementation(async function (this: Journal) {
      const { length } = this;
      await flush.call(this);
      flushed = Math.max(flushed, length);
    });
    let publishing: ReturnType<typeof broker.log.publish> | undefined;
    vi.spyOn(Journal.prototype, "append").mockImplementationOnce(function (this: Journal, bytes) {
      // Comes while the write that makes the log is under way, and goes into the next one.
      publishing = broker.log.publish("news", { data: "1" }, { retention: ample, durability: "process" });
      return append.call(this, bytes);
    });
    const ofSport = broker.log.publish("sport", { data: "1" }, { retention: ample, durability: "disk" });
    await Promise.all([broker.log.subscribe("news"), ofSport]);
    const told = await publishing;
    const copy = powerCutCopyOf(folder, () => flushed);
    const next = await openBroker(copy);
    const other = await next.broker.log.publish("news", { data: "2" }, { retention: ample });
    expect(told?.position.offset).toBe(1);
    expect(other.position).not.toEqual(told?.position);
  });
});
