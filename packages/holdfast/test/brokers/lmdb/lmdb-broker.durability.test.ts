import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import type { Durability, PublishResult } from "../../../src/channels/log.js";
import type { LmdbBroker } from "../../../src/index.js";
import { PublicationRecord, publicationOf, readAll } from "./support/record.js";
import { contentOf, crashCopyOf, createFolder, openBroker } from "./support/store.js";

type Step = Durability | "checkpoint" | "idle";

const volatile = { retention: ample, durability: "memory" } as const;

function publishOf(broker: LmdbBroker, n: number, durability: Durability): Promise<PublishResult> {
  return broker.log.publish("news", { data: String(n) }, { retention: ample, durability });
}

describe("publication with memory durability", () => {
  it("is delivered and readable before anything is written, in a log that already has some", async () => {
    const folder = createFolder();
    const { broker, events } = await openBroker(folder);
    await broker.log.subscribe("news");
    await publishOf(broker, 1, "memory");
    await broker.idle();
    const before = contentOf(folder);
    const atEvent: unknown[] = [];
    const reads: Promise<number[]>[] = [];
    events.onEachPublication = () => {
      atEvent.push(contentOf(folder));
      reads.push(offsetsIn(broker.log, "news"));
    };
    expect((await publishOf(broker, 2, "memory")).position.offset).toBe(2);
    expect(atEvent).toEqual([before]);
    expect(await Promise.all(reads)).toEqual([[1, 2]]);
  });

  it("does not wait for the flush of another channel", async () => {
    const { broker } = await openBroker(createFolder());
    await broker.log.subscribe("news");
    await publishOf(broker, 1, "memory");
    const order: string[] = [];
    const slow = broker.log.publish("sport", { data: "1" }, { retention: ample, durability: "disk" });
    const both = [
      slow.then(() => order.push("disk")),
      publishOf(broker, 2, "memory").then(() => order.push("memory")),
    ];
    await Promise.all(both);
    expect(order).toEqual(["memory", "disk"]);
  });

  it("survives a clean close in the same epoch, in each of several runs", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    for (const run of countTo(3)) {
      const { broker } = await openBroker(folder);
      for (const n of countTo(8))
        await record.publish(broker.log, "news", publicationOf(run * 100 + n), volatile);
      await broker.close();
    }
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });

  it("survives a crash of the next run when its own run closed cleanly", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    for (const n of countTo(8)) await publishOf(first.broker, n, "memory");
    await first.broker.close();
    await openBroker(folder);
    const { broker } = await openBroker(crashCopyOf(folder));
    const { publications } = await readAll(broker.log, "news");
    expect(publications.map(({ data }) => Number(data))).toEqual(countTo(8));
  });

  it("survives a clean close in the same epoch after an earlier crash of the log", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await publishOf(first.broker, 1, "process");
    const copy = crashCopyOf(folder);
    const second = await openBroker(copy);
    const { position } = await publishOf(second.broker, 2, "memory");
    await second.broker.close();
    expect(await (await openBroker(copy)).broker.log.subscribe("news")).toEqual(position);
  });

  it("ends its epoch when it is lost, in every later run", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const { position } = await publishOf(broker, 1, "memory");
    const copy = crashCopyOf(folder);
    const second = await openBroker(copy);
    const after = await second.broker.log.subscribe("news");
    expect(after.epoch).not.toBe(position.epoch);
    await second.broker.close();
    const third = await openBroker(copy);
    expect(await third.broker.log.subscribe("news")).toEqual(after);
  });

  it("does not free its offset for reuse in the same epoch when it is lost in two crashes in a row", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    await publishOf(broker, 1, "process");
    const { position } = await publishOf(broker, 2, "memory");
    const copy = crashCopyOf(folder);
    await openBroker(copy);
    const { broker: last } = await openBroker(crashCopyOf(copy));
    const { epoch } = await last.log.subscribe("news");
    expect(epoch).not.toBe(position.epoch);
    expect((await publishOf(last, 3, "process")).position.epoch).toBe(epoch);
  });

  it("ends no other channel's epoch", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    const { broker } = await openBroker(folder);
    await record.publish(broker.log, "sport", publicationOf(1));
    await publishOf(broker, 1, "memory");
    await record.publish(broker.log, "sport", publicationOf(2));
    await record.expectKeptBy((await openBroker(crashCopyOf(folder))).broker.log);
  });
});

const mixtures: readonly (readonly Step[])[] = [
  ["disk", "memory"],
  ["memory", "process"],
  ["memory", "disk", "memory"],
  ["process", "memory", "process", "memory"],
  ["process", "checkpoint", "memory", "memory"],
  ["memory", "checkpoint", "process"],
  ["memory", "memory", "checkpoint", "memory"],
  ["disk", "memory", "checkpoint", "process", "memory", "process", "checkpoint", "memory", "disk"],
];

describe.each(mixtures)("log of publications with durability %s %s %s %s", (...steps) => {
  async function publishMixture(folder: string, atOnce: boolean) {
    const { broker, checkpoint, events } = await openBroker(folder);
    await broker.log.subscribe("news");
    const acknowledged = new Map<string, Durability>();
    const results: Promise<PublishResult>[] = [];
    let n = 0;
    for (const step of steps) {
      if (step === "checkpoint") await checkpoint();
      else if (step !== "idle") {
        const data = String(++n);
        const publishing = publishOf(broker, n, step);
        results.push(publishing);
        void publishing.then(() => acknowledged.set(data, step));
        if (!atOnce) await publishing;
      }
    }
    const positions = (await Promise.all(results)).map(({ position }) => position);
    return { broker, acknowledged, positions, events };
  }

  it.each([true, false])(
    "has no gap and keeps what was promised after a crash (at once: %s)",
    async (atOnce) => {
      const folder = createFolder();
      const { broker, acknowledged, positions, events } = await publishMixture(folder, atOnce);
      expect(positions.map(({ offset }) => offset)).toEqual(countTo(positions.length));
      await broker.idle();
      expect(events.offsets("news")).toEqual(countTo(positions.length));
      const { publications, position } = await readAll(
        (await openBroker(crashCopyOf(folder))).broker.log,
        "news",
      );
      const lasting = [...acknowledged].filter(([, durability]) => durability !== "memory");
      const found = publications.map(({ data }) => data);
      expect(found).toEqual(expect.arrayContaining(lasting.map(([data]) => data)));
      expect(found).toEqual([...found].sort((a, b) => Number(a) - Number(b)));
      if (position.epoch === positions[0]?.epoch) expect(found).toEqual([...acknowledged.keys()]);
    },
  );

  it("keeps everything in the same epoch after a clean close", async () => {
    const folder = createFolder();
    const { broker, acknowledged, positions } = await publishMixture(folder, true);
    await broker.close();
    const { publications, position } = await readAll((await openBroker(folder)).broker.log, "news");
    expect(publications.map(({ data }) => data)).toEqual([...acknowledged.keys()]);
    expect(position).toEqual(positions.at(-1));
  });
});
