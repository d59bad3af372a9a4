import { describe, expect, it } from "vitest";
import { MemoryBroker } from "../../src/brokers/memory/memory-broker.js";
import type { Broker } from "../../src/channels/broker.js";
import { LogWithFloors, withFloors } from "../../src/channels/floors.js";
import type { Log } from "../../src/channels/log.js";
import type { Position } from "../../src/wire/messages.js";
import { createCounter } from "../support/counter.js";
import { FakeClock } from "../support/fake-clock.js";
import { brokerEvents, brokerStart } from "./support/broker-events.js";
import { countTo } from "./support/entries.js";

const retention = { maxEntries: 100, maxBytes: 10_000, ttlMs: 60_000 };
const all = { maxEntries: 100, maxBytes: 10_000, isReverse: false };

/** A log whose answers a test decides, which records the floors that it is given. */
function fakeLog(answers: { head?: Position; healed?: Position } = {}) {
  const floors: (readonly Position[])[] = [];
  const head = () => answers.head ?? { epoch: "a", offset: 0 };
  const log: Partial<Log> = {
    canGoBack: true,
    subscribe: async () => head(),
    publish: async (_channel, _publication, { floors: given = [] }) => {
      floors.push(given);
      return { position: head(), isDuplicate: false };
    },
    heads: async (channels, given) => {
      floors.push(...channels.map((channel) => given?.get(channel) ?? []));
      if (answers.healed) answers.head = answers.healed;
      return new Map(channels.map((channel) => [channel, head()]));
    },
    history: async () => ({ publications: [], position: head() }),
  };
  return { answers, floors, log: log as Log };
}

describe("floors", () => {
  it("pass the furthest position that events have brought, with publishes and checks of heads", async () => {
    const { floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    const events = floored.watch(brokerEvents().log);
    for (const offset of [3, 5, 4]) events.onPublication("news", { offset, data: "1", time: 0 }, "a");
    await floored.publish("news", { data: "1" }, { retention });
    await floored.heads(["news", "sport"]);
    expect(floors).toEqual([[{ epoch: "a", offset: 5 }], [{ epoch: "a", offset: 5 }], []]);
  });

  it("know what was acknowledged to this node, without a subscription", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    answers.head = { epoch: "a", offset: 7 };
    await floored.publish("news", { data: "1" }, { retention });
    await floored.publish("news", { data: "2" }, { retention });
    expect(floors).toEqual([[], [{ epoch: "a", offset: 7 }]]);
  });

  it("move on to a new epoch when the log says so", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    answers.head = { epoch: "a", offset: 7 };
    await floored.history("news", all);
    answers.head = { epoch: "b", offset: 2 };
    await floored.history("news", all);
    await floored.publish("news", { data: "1" }, { retention });
    expect(floors[0]?.[0]).toEqual({ epoch: "b", offset: 2 });
  });

  it("keep those of epochs that were replaced, since the log may go back to before that", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    const events = floored.watch(brokerEvents().log);
    answers.head = { epoch: "a", offset: 7 };
    await floored.history("news", all);
    answers.head = { epoch: "b", offset: 5 };
    await floored.history("news", all);
    events.onPublication("news", { offset: 8, data: "1", time: 0 }, "a");
    await floored.publish("news", { data: "1" }, { retention });
    await floored.heads(["news"], new Map([["news", [{ epoch: "b", offset: 6 }]]]));
    expect(floors).toEqual([
      [
        { epoch: "b", offset: 5 },
        { epoch: "a", offset: 8 },
      ],
      [
        { epoch: "b", offset: 6 },
        { epoch: "a", offset: 8 },
      ],
    ]);
    answers.head = { epoch: "a", offset: 6 };
    answers.healed = { epoch: "c", offset: 6 };
    expect((await floored.history("news", all)).position).toEqual({ epoch: "c", offset: 6 });
  });

  it("keep those of the latest epochs, of which there are few", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    for (const n of countTo(20)) {
      answers.head = { epoch: String(n), offset: n };
      await floored.history("news", all);
    }
    await floored.heads(["news"]);
    expect(floors[0]?.map(({ epoch }) => epoch)).toEqual(["20", "16", "17", "18", "19"]);
  });

  it("stay with the new epoch when events of those before it come late", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    const events = floored.watch(brokerEvents().log);
    for (const epoch of ["a", "b", "c"]) {
      answers.head = { epoch, offset: 2 };
      await floored.history("news", all);
    }
    for (const epoch of ["a", "b"]) events.onPublication("news", { offset: 8, data: "1", time: 0 }, epoch);
    events.onPublication("news", { offset: 3, data: "1", time: 0 }, "c");
    await floored.publish("news", { data: "1" }, { retention });
    expect(floors[0]?.[0]).toEqual({ epoch: "c", offset: 3 });
  });

  it("go back to an epoch with the log, and follow its events again", async () => {
    const { answers, floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    const events = floored.watch(brokerEvents().log);
    for (const epoch of ["a", "b", "a"]) {
      answers.head = { epoch, offset: 2 };
      await floored.history("news", all);
    }
    events.onPublication("news", { offset: 3, data: "1", time: 0 }, "a");
    events.onPublication("news", { offset: 9, data: "1", time: 0 }, "b");
    await floored.publish("news", { data: "1" }, { retention });
    expect(floors[0]?.[0]).toEqual({ epoch: "a", offset: 3 });
  });

  it.each(["subscribe", "history"] as const)(
    "make a log that went back start a new epoch before %s gives its position",
    async (call) => {
      const { answers, floors, log } = fakeLog();
      const floored = new LogWithFloors(log);
      answers.head = { epoch: "a", offset: 7 };
      await floored.subscribe("news");
      answers.head = { epoch: "a", offset: 4 };
      answers.healed = { epoch: "b", offset: 4 };
      const result = await (call === "subscribe" ? floored.subscribe("news") : floored.history("news", all));
      expect(floors).toEqual([[{ epoch: "a", offset: 7 }]]);
      expect("position" in result ? result.position : result).toEqual({ epoch: "b", offset: 4 });
    },
  );

  it("prefer a further one of the caller", async () => {
    const { floors, log } = fakeLog();
    const floored = new LogWithFloors(log);
    await floored.heads(["news"], new Map([["news", [{ epoch: "a", offset: 9 }]]]));
    expect(floors).toEqual([[{ epoch: "a", offset: 9 }]]);
  });

  it("are remembered for a bounded number of channels, the latest ones", async () => {
    const { floors, log } = fakeLog();
    const floored = new LogWithFloors(log, 10);
    const events = floored.watch(brokerEvents().log);
    const names = countTo(100).map((n) => `channel-${n}`);
    for (const name of names) events.onPublication(name, { offset: 1, data: "1", time: 0 }, "a");
    await floored.heads(names);
    const known = floors.filter(({ length }) => length > 0);
    expect(known.length).toBeGreaterThanOrEqual(10);
    expect(known.length).toBeLessThanOrEqual(20);
    expect(floors.at(-1)).toEqual([{ epoch: "a", offset: 1 }]);
  });

  it("cost nothing where a log cannot go back", () => {
    const broker = new MemoryBroker({ clock: new FakeClock(), createEpoch: createCounter("epoch") });
    expect(withFloors(broker)).toBe(broker);
  });

  it("see the events of a broker that is opened with them", async () => {
    const { floors, log } = fakeLog();
    const inner = {
      name: "fake",
      log,
      open: async (events) => events.log.onPublication("news", { offset: 3, data: "1", time: 0 }, "a"),
    } as Partial<Broker> as Broker;
    const broker = withFloors(inner);
    const told: number[] = [];
    await broker.open(
      brokerEvents({
        log: { ...brokerEvents().log, onPublication: (_channel, { offset }) => told.push(offset) },
      }),
      brokerStart,
    );
    await broker.log.publish("news", { data: "1" }, { retention });
    expect(told).toEqual([3]);
    expect(floors).toEqual([[{ epoch: "a", offset: 3 }]]);
  });
});
