/** What the log does on JetStream beyond the contract: its messages, limits, and what happens when it goes back. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../../../packages/holdfast/src/sockets/system-clock.js";
import type { Clock } from "../../../packages/holdfast/src/time/clock.js";
import type { Position } from "../../../packages/holdfast/src/wire/messages.js";
import {
  type NatsServers,
  noNatsReason,
  startNatsServers,
} from "../../../packages/holdfast/test/support/nats-servers.js";
import { ample, countTo, offsetsIn, publishMany, query } from "./fixture.js";
import { NatsNodes, until } from "./nats-nodes.js";

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

const skipped = noNatsReason === undefined ? "" : ` (${noNatsReason})`;

describe.skipIf(noNatsReason !== undefined)(`log on JetStream${skipped}`, () => {
  let nats: NatsServers;
  let nodes: NatsNodes;

  beforeAll(async () => {
    nats = await startNatsServers(1);
  });
  afterAll(() => nats.stop());
  beforeEach(() => {
    nodes = new NatsNodes(nats.addresses);
  });
  afterEach(() => nodes.close());

  /** The system's clock, set forward by hand. */
  function createClock() {
    let aheadMs = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + aheadMs };
    const advance = (ms: number) => {
      aheadMs += ms;
    };
    return { clock, advance };
  }

  describe("messages", () => {
    it("hold what was published while an append was pending", async () => {
      const { broker } = await nodes.open();
      await Promise.all(
        countTo(1000).map((n) => broker.log.publish("a", { data: `${n}` }, { retention: ample })),
      );
      const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
      expect(stored).toBeLessThan(20);
      expect(await offsetsIn(broker.log, "a")).toEqual(countTo(1000));
    });

    it("are found by offset in a long log of many messages, by a node that has not written them", async () => {
      const writer = await nodes.open();
      const retention = { ...ample, maxEntries: 10_000 };
      for (const n of countTo(700)) {
        await writer.broker.log.publish("a", { data: `${n}` }, { retention });
        await writer.broker.log.publish(`other-${n % 5}`, { data: "1" }, { retention });
      }
      const { log } = (await nodes.open()).broker;
      expect(await offsetsIn(log, "a")).toEqual(countTo(700));
      for (const sinceOffset of [0, 1, 15, 16, 17, 254, 255, 256, 257, 511, 600, 698, 699])
        expect(await offsetsIn(log, "a", { sinceOffset, maxEntries: 20 })).toEqual(
          countTo(Math.min(700, sinceOffset + 20), sinceOffset + 1),
        );
      for (const sinceOffset of [2, 16, 257, 700])
        expect(await offsetsIn(log, "a", { sinceOffset, maxEntries: 20, isReverse: true })).toEqual(
          countTo(sinceOffset - 1, Math.max(1, sinceOffset - 20)).reverse(),
        );
    });

    it("follow those of other nodes without a gap when both publish at once", async () => {
      const [a, b] = [await nodes.open(), await nodes.open()];
      await a.broker.log.subscribe("a");
      const publish = (log: typeof a.broker.log, n: number) =>
        log.publish("a", { data: `${n}` }, { retention: { ...ample, maxEntries: 2000 } });
      const results: number[] = [];
      for (const _ of countTo(20)) {
        const round = countTo(10).flatMap((n) => [publish(a.broker.log, n), publish(b.broker.log, n)]);
        for (const { position } of await Promise.all(round)) results.push(position.offset);
      }
      expect(results.sort((x, y) => x - y)).toEqual(countTo(400));
      await until("all events have come", () => a.events.publications.length === 400);
      expect(a.events.offsets("a")).toEqual(countTo(400));
    });

    it("larger than the server takes are refused, and say which setting to raise", async () => {
      const { broker } = await nodes.open();
      const data = JSON.stringify("x".repeat(1024 * 1024));
      await expect(broker.log.publish("a", { data }, { retention: ample })).rejects.toMatchObject({
        code: "HF_BROKER_FULL",
        message: expect.stringContaining("max_payload"),
      });
      expect((await broker.log.publish("a", { data: "1" }, { retention: ample })).position.offset).toBe(1);
    });
  });

  describe("channel names", () => {
    it.each(["a.b.*.>", "räum 1", "\u0000", "\ud800", "", "x".repeat(500), "%", "%%"])(
      "%j is a channel of its own",
      async (name) => {
        const { broker, events } = await nodes.open();
        await broker.log.subscribe(name);
        await broker.log.publish(name, { data: "1" }, { retention: ample });
        await broker.log.publish(`${name}x`, { data: "2" }, { retention: ample });
        await broker.log.publish("\ud801", { data: "3" }, { retention: ample });
        const { publications } = await broker.log.history(name, query());
        expect(publications.map(({ data }) => data)).toEqual(["1"]);
        await until("the event has come", () => events.publications.length > 0);
        expect(events.publications.map(({ channel, publication }) => [channel, publication.data])).toEqual([
          [name, "1"],
        ]);
      },
    );
  });

  describe("retention", () => {
    it("leaves out what is older than its ttl", async () => {
      const { clock, advance } = createClock();
      const { broker } = await nodes.open({}, clock);
      const retention = { ...ample, ttlMs: minuteMs };
      await broker.log.publish("a", { data: "1" }, { retention });
      advance(40_000);
      await broker.log.publish("a", { data: "2" }, { retention });
      advance(40_000);
      expect(await offsetsIn(broker.log, "a")).toEqual([2]);
      expect(await offsetsIn(broker.log, "a", { isReverse: true })).toEqual([2]);
      advance(minuteMs);
      const { publications, position } = await broker.log.history("a", query());
      expect(publications).toEqual([]);
      expect(position.offset).toBe(2);
    });

    it("removes old messages once there are twice as many", async () => {
      const { broker, errors } = await nodes.open();
      const retention = { ...ample, maxEntries: 10 };
      await publishMany(broker.log, "a", 300, retention);
      await publishMany(broker.log, "live", 300, { ...ample, maxEntries: 0 });
      await until("the log is trimmed", async () => {
        const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
        return stored < 200;
      });
      await publishMany(broker.log, "a", 3, retention);
      expect(await offsetsIn(broker.log, "a")).toEqual(countTo(303, 294));
      expect((await broker.log.heads(["live"])).get("live")?.offset).toBe(300);
      expect(errors).toEqual([]);
    });

    it("by bytes removes old messages, too", async () => {
      const { broker } = await nodes.open();
      const data = JSON.stringify("x".repeat(10_000));
      const retention = { ...ample, maxBytes: 30_000 };
      for (const _ of countTo(60)) await broker.log.publish("a", { data }, { retention });
      await until("the log is trimmed", async () => {
        const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
        return stored < 40;
      });
      expect(await offsetsIn(broker.log, "a")).toEqual([59, 60]);
    });

    it("removes expired messages while others follow, and keeps the rest", async () => {
      const { clock, advance } = createClock();
      const { broker, errors } = await nodes.open({}, clock);
      const retention = { ...ample, ttlMs: 10 * minuteMs };
      await publishMany(broker.log, "a", 100, retention);
      advance(6 * minuteMs);
      await publishMany(broker.log, "a", 20, retention);
      advance(6 * minuteMs);
      await publishMany(broker.log, "a", 1, retention);
      await until("expired messages are removed", async () => {
        const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
        return stored === 21;
      });
      await publishMany(broker.log, "a", 1, retention);
      expect(await offsetsIn(broker.log, "a")).toEqual(countTo(122, 101));
      expect(errors).toEqual([]);
    });

    it("longer than the streams keep messages is refused", async () => {
      const { broker } = await nodes.open({ maxAgeMs: dayMs });
      await expect(
        broker.log.publish("a", { data: "1" }, { retention: { ...ample, ttlMs: dayMs + 1 } }),
      ).rejects.toMatchObject({ code: "HF_BROKER_UNSUPPORTED", message: expect.stringContaining("maxAge") });
    });
  });

  describe("idempotency key", () => {
    it("is known to other nodes, and outlives publications that are trimmed", async () => {
      const [a, b] = [await nodes.open(), await nodes.open()];
      const retention = { ...ample, maxEntries: 2 };
      const keyed = { retention, idempotencyKey: "k" };
      await publishMany(a.broker.log, "a", 3, retention);
      const first = await a.broker.log.publish("a", { data: "1" }, keyed);
      expect(first).toMatchObject({ isDuplicate: false, position: { offset: 4 } });
      await publishMany(a.broker.log, "a", 300, retention);
      await new Promise((resolve) => setTimeout(resolve, 100));
      for (const { broker } of [a, b])
        expect(await broker.log.publish("a", { data: "2" }, keyed)).toEqual({
          position: first.position,
          isDuplicate: true,
        });
    });

    it("has one effect when two nodes publish with it at once", async () => {
      const [a, b] = [await nodes.open(), await nodes.open()];
      for (const n of countTo(20)) {
        const keyed = { retention: ample, idempotencyKey: `k-${n}` };
        const results = await Promise.all(
          [a, b].map(({ broker }) => broker.log.publish("a", { data: "1" }, keyed)),
        );
        expect(results.map(({ position }) => position.offset)).toEqual([n, n]);
        expect(results.filter(({ isDuplicate }) => isDuplicate)).toHaveLength(1);
      }
    });
  });

  describe("log that is behind what a node has seen", () => {
    it("gets it when heads are checked, also where nothing is left of it, and only once", async () => {
      const { broker } = await nodes.open();
      await publishMany(broker.log, "a", 2);
      const head = (await broker.log.heads(["a"])).get("a") as Position;
      const floors = new Map([["a", [head]]]);
      for (const i of [0, 1]) await nodes.api(`STREAM.PURGE.${nodes.prefix}_log_${i}`);
      const heads = await Promise.all([broker.log.heads(["a"], floors), broker.log.heads(["a"], floors)]);
      const [first, second] = heads.map((each) => each.get("a"));
      expect(first?.offset).toBe(0);
      expect(first?.epoch).not.toBe(head.epoch);
      expect(second).toEqual(first);
      const { position } = await broker.log.publish("a", { data: "1" }, { retention: ample });
      expect(position).toEqual({ epoch: first?.epoch, offset: 1 });
    });

    it("keeps its epoch for a floor of another epoch, or one that it has reached", async () => {
      const { broker } = await nodes.open();
      await publishMany(broker.log, "a", 5);
      const head = (await broker.log.heads(["a"])).get("a");
      for (const floor of [
        { epoch: "another", offset: 100 },
        { epoch: head?.epoch ?? "", offset: 5 },
      ])
        expect((await broker.log.heads(["a"], new Map([["a", [floor]]]))).get("a")).toEqual(head);
    });
  });

  describe("epoch of a log that begins", () => {
    it("never comes again after the server has forgotten the log", async () => {
      const { clock, advance } = createClock();
      const { broker } = await nodes.open({}, clock);
      const { position } = await broker.log.publish("a", { data: "1" }, { retention: ample });
      for (const i of [0, 1]) await nodes.api(`STREAM.PURGE.${nodes.prefix}_log_${i}`);
      advance(30 * dayMs);
      const later = await broker.log.subscribe("a");
      expect(later.offset).toBe(0);
      expect(later.epoch).not.toBe(position.epoch);
    });

    it("stays for a subscribed log, which is written again before the server forgets it", async () => {
      const { clock, advance } = createClock();
      const { broker } = await nodes.open({}, clock);
      const { position } = await broker.log.publish("a", { data: "1" }, { retention: ample });
      await broker.log.subscribe("a");
      advance(16 * dayMs);
      expect((await broker.log.heads(["a"])).get("a")).toEqual(position);
      await until("the log is written again", async () => {
        const stored = (await nodes.streams()).reduce((sum, { state }) => sum + state.messages, 0);
        return stored === 2;
      });
      expect((await broker.log.heads(["a"])).get("a")).toEqual(position);
    });
  });
});
