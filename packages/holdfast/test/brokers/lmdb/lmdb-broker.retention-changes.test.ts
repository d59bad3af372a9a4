import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import { createFolder, openBroker } from "./support/store.js";

const narrow = { ...ample, maxEntries: 1 };
const minuteMs = 60_000;

describe("log whose retention has changed", () => {
  it("keeps the wider retention across a restart", async () => {
    const folder = createFolder();
    const { broker, checkpoint, clock } = await openBroker(folder);
    await broker.log.publish("news", { data: "1" }, { retention: narrow });
    await checkpoint();
    for (const n of countTo(4, 2)) await broker.log.publish("news", { data: `${n}` }, { retention: ample });
    await broker.close();
    const next = await openBroker(folder, { clock });
    expect(await offsetsIn(next.broker.log, "news")).toEqual([1, 2, 3, 4]);
  });

  it("keeps the wider retention after it was evicted from memory", async () => {
    const { broker, checkpoint, advance } = await openBroker(createFolder());
    await broker.log.publish("news", { data: "1" }, { retention: narrow });
    await checkpoint();
    for (const n of countTo(4, 2)) await broker.log.publish("news", { data: `${n}` }, { retention: ample });
    await advance(10 * minuteMs, 60);
    expect(broker.sizes.loadedChannels).toBe(0);
    expect(await offsetsIn(broker.log, "news")).toEqual([1, 2, 3, 4]);
  });

  it("applies the narrower retention after a restart", async () => {
    const folder = createFolder();
    const { broker, checkpoint, clock } = await openBroker(folder);
    await broker.log.publish("news", { data: "1" }, { retention: ample });
    await checkpoint();
    await broker.log.publish("news", { data: "2" }, { retention: { ...ample, ttlMs: minuteMs } });
    await broker.close();
    clock.advance(2 * minuteMs);
    const next = await openBroker(folder, { clock });
    expect((await next.broker.log.history("news", query())).publications).toEqual([]);
  });

  it("applies the first retention after a restart when it was subscribed before any publication", async () => {
    const folder = createFolder();
    const { broker, checkpoint, clock } = await openBroker(folder);
    await broker.log.subscribe("news");
    await checkpoint();
    const retention = { ...ample, ttlMs: minuteMs };
    await broker.log.publish("news", { data: "1" }, { retention, durability: "disk" });
    await broker.close();
    clock.advance(2 * minuteMs);
    const next = await openBroker(folder, { clock });
    expect((await next.broker.log.history("news", query())).publications).toEqual([]);
  });
});

describe("publications larger than their log may be", () => {
  it("are not kept, and their offsets are not reused after a restart", async () => {
    const folder = createFolder();
    const { broker, checkpoint, clock } = await openBroker(folder);
    const retention = { ...ample, maxBytes: 10 };
    const publish = () => broker.log.publish("news", { data: '"more than ten"' }, { retention });
    await publish();
    await checkpoint();
    const { position } = await publish();
    await broker.close();
    const next = await openBroker(folder, { clock });
    expect(await next.broker.log.history("news", query())).toEqual({ publications: [], position });
  });
});
