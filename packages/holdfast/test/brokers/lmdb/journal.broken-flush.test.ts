import { afterEach, describe, expect, it, vi } from "vitest";
import { ample, countTo, offsetsIn } from "../../../../../test/conformance/broker/fixture.js";
import { Journal } from "../../../src/brokers/lmdb/journal.js";
import type { Durability } from "../../../src/channels/log.js";
import { createGate, systemError } from "./support/faults.js";
import { readAll } from "./support/record.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

const failed = { code: "HF_STORE_FAILED" };
const durabilities: readonly Durability[] = ["memory", "process", "disk"];

afterEach(() => void vi.restoreAllMocks());

/** A store with one publication, whose next flush fails after others have come. */
async function createBroken() {
  const folder = createFolder();
  const errors: unknown[] = [];
  const opened = await openBroker(folder, { onError: (error) => errors.push(error) });
  const { broker } = opened;
  const publish = (channel: string, data: string, durability: Durability) =>
    broker.log.publish(channel, { data }, { retention: ample, durability });
  await broker.log.subscribe("news");
  await publish("news", "1", "process");
  const begun = createGate();
  const ended = createGate();
  vi.spyOn(Journal.prototype, "flush").mockImplementationOnce(async () => {
    begun.open();
    await ended.opened;
    throw systemError("EIO");
  });
  const outcomes: Promise<unknown>[] = [publish("news", "2", "disk")];
  await begun.opened;
  const { journalBytes } = broker.sizes;
  outcomes.push(publish("news", "3", "process"), publish("news", "4", "disk"));
  while (broker.sizes.journalBytes === journalBytes) await new Promise(setImmediate);
  outcomes.push(publish("news", "5", "process"), publish("sport", "6", "disk"));
  await new Promise(setImmediate);
  outcomes.push(publish("news", "7", "memory"), publish("sport", "8", "process"));
  ended.open();
  const settled = await Promise.allSettled(outcomes);
  return { ...opened, errors, folder, publish, settled };
}

describe("failed flush", () => {
  it("rejects all pending publishes and all later ones", async () => {
    const { publish, broker, settled, errors } = await createBroken();
    for (const outcome of settled)
      expect(outcome).toMatchObject({ status: "rejected", reason: expect.objectContaining(failed) });
    for (const durability of durabilities)
      for (const channel of ["news", "sport", "weather"])
        await expect(publish(channel, "9", durability)).rejects.toMatchObject(failed);
    expect(await broker.log.subscribe("new")).toMatchObject({ offset: 0 });
    expect(errors).toEqual([expect.objectContaining(failed)]);
    expect(broker.sizes).toMatchObject({ pendingPublishes: 0 });
  });

  it("emits no event for unflushed publications, and keeps earlier ones readable", async () => {
    const { broker, events, checkpoint } = await createBroken();
    await checkpoint();
    expect(events.offsets("news")).toEqual([1]);
    const { publications, position } = await readAll(broker.log, "news");
    expect(publications.map(({ offset, data }) => [offset, data])).toEqual([[1, "1"]]);
    expect(position.offset).toBe(1);
  });

  it.each(["crash", "close"])("leaves what was there in order after a %s", async (ending) => {
    const { folder, broker, checkpoint } = await createBroken();
    await checkpoint();
    const copy = ending === "crash" ? crashCopyOf(folder) : folder;
    const known = await broker.log.subscribe("news");
    await broker.close();
    const next = await openBroker(copy);
    const { publications, position } = await readAll(next.broker.log, "news");
    const found = publications.map(({ data }) => data);
    // Refused ones may be there: nobody knows what of a write without a flush is on the disk.
    expect(found[0]).toBe("1");
    expect(found).toEqual(["1", "2", "3", "4", "5", "7"].slice(0, found.length));
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(found.length));
    expect(position).toEqual({ epoch: known.epoch, offset: found.length });
    const after = await next.broker.log.publish("news", { data: "10" }, { retention: ample });
    expect(after.position).toEqual({ epoch: known.epoch, offset: found.length + 1 });
    expect(await offsetsIn(next.broker.log, "news")).toEqual(countTo(found.length + 1));
  });
});
