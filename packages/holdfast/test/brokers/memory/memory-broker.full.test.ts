import { describe, expect, it } from "vitest";
import { ample, EventRecord } from "../../../../../test/conformance/broker/fixture.js";
import { MemoryBroker, type MemoryBrokerOptions } from "../../../src/brokers/memory/memory-broker.js";
import { Round } from "../../../src/channels/round.js";
import { createCounter } from "../../support/counter.js";
import { FakeClock } from "../../support/fake-clock.js";

async function start(options: Partial<MemoryBrokerOptions>) {
  const broker = new MemoryBroker({
    clock: new FakeClock(),
    createEpoch: createCounter("epoch"),
    ...options,
  });
  await broker.open(new EventRecord());
  return broker;
}

describe("memory broker that is full of bytes", () => {
  it("accepts publications of a channel that drops as many bytes as it adds", async () => {
    const broker = await start({ maxBytes: 3000 });
    const retention = { ...ample, maxEntries: 3 };
    const data = JSON.stringify("x".repeat(300));
    for (let i = 0; i < 3; i++) await broker.log.publish("news", { data }, { retention });
    await expect(broker.log.publish("other", { data }, { retention })).rejects.toMatchObject({
      code: "HF_BROKER_FULL",
    });
    for (let i = 0; i < 10; i++) await broker.log.publish("news", { data }, { retention });
    expect(broker.sizes.bytes).toBeLessThanOrEqual(3000);
  });
});

describe("memory broker that is full of channels", () => {
  it("evicts empty channels, searching over several attempts when they are far apart", async () => {
    const broker = await start({ maxChannels: 500 });
    for (let i = 0; i < 499; i++) await broker.log.publish(`used-${i}`, { data: "1" }, { retention: ample });
    await broker.log.history("empty", { maxEntries: 0, maxBytes: 0, isReverse: false });
    let attempts = 1;
    for (; attempts < 10; attempts++) {
      const isTaken = await broker.log.publish("new", { data: "1" }, { retention: ample }).then(
        () => true,
        () => false,
      );
      if (isTaken) break;
    }
    expect(attempts).toBeLessThan(8);
    expect(broker.sizes.channels).toBe(500);
  });
});

describe("round-robin sweep", () => {
  it("visits a map a few entries at a time and wraps around", () => {
    const map = new Map([..."abcde"].map((key) => [key, key]));
    const round = new Round(map);
    const visit = (count: number) => {
      const seen: string[] = [];
      round.visit(count, (key) => seen.push(key));
      return seen.join("");
    };
    expect([visit(2), visit(2), visit(2), visit(9)]).toEqual(["ab", "cd", "e", "abcde"]);
  });
});
