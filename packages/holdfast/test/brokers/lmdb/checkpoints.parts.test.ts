import { describe, expect, it } from "vitest";
import { ample, countTo, query } from "../../../../../test/conformance/broker/fixture.js";
import type { LmdbBroker } from "../../../src/index.js";
import { holdTransaction, powerCutCopyOf } from "./support/faults.js";
import { endless, readAll } from "./support/record.js";
import { checkpointDelayMs, crashCopyOf, createFolder, openBroker } from "./support/store.js";

/** So large that some hundreds of them do not go into one transaction. */
const dataOf = (n: number, name = "before") => JSON.stringify(`${name} ${n} ${"x".repeat(5000)}`);

async function publish(broker: LmdbBroker, numbers: readonly number[], retention = endless): Promise<void> {
  await Promise.all(numbers.map((n) => broker.log.publish("news", { data: dataOf(n) }, { retention })));
}

describe("checkpoint of several transactions", () => {
  it("keeps every retained publication of a new log once when the process ends between them", async () => {
    const folder = createFolder();
    const { broker, clock } = await openBroker(folder);
    const retention = { ...ample, maxEntries: 800 };
    await publish(broker, countTo(800), retention);
    const transaction = holdTransaction(2);
    clock.advance(checkpointDelayMs);
    await transaction.reached;
    // Retention moves on past what is in the index by now.
    await publish(broker, countTo(1000, 801), retention);
    const copy = crashCopyOf(folder);
    transaction.release();
    const next = await openBroker(copy, { clock });
    const page = await next.broker.log.history("news", query());
    expect(page.publications.map(({ offset }) => offset)).toEqual(countTo(1000, 201));
    for (const { offset, data } of page.publications) expect(data).toBe(dataOf(offset));
    const back = await next.broker.log.history("news", query({ isReverse: true }));
    expect(back.publications).toEqual([...page.publications].reverse());
  });

  it("never reuses an offset of a new log in one epoch when the machine ends between them", async () => {
    const folder = createFolder();
    const { broker, clock } = await openBroker(folder);
    await publish(broker, countTo(800));
    const { epoch } = await broker.log.subscribe("news");
    const transaction = holdTransaction(2);
    clock.advance(checkpointDelayMs);
    await transaction.reached;
    const copy = powerCutCopyOf(folder, () => 0);
    transaction.release();
    const next = await openBroker(copy, { clock });
    const left = await next.broker.log.subscribe("news");
    expect(left.epoch).not.toBe(epoch);
    for (const n of countTo(3))
      await next.broker.log.publish("news", { data: dataOf(n, "after") }, { retention: endless });
    await next.broker.close();
    const last = await openBroker(copy, { clock });
    const { publications, position } = await readAll(last.broker.log, "news");
    expect(position).toEqual({ epoch: left.epoch, offset: left.offset + 3 });
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(position.offset));
    expect(publications.map(({ data }) => data)).toEqual([
      ...countTo(left.offset).map((n) => dataOf(n)),
      ...countTo(3).map((n) => dataOf(n, "after")),
    ]);
  });

  it("keeps the publications of a log continued in a new epoch when the process ends between them", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await publish(first.broker, countTo(20));
    const { epoch } = await first.broker.log.subscribe("news");
    await first.broker.close();
    const { clock } = await openBroker(folder, { clock: first.clock });
    const copy = powerCutCopyOf(folder, () => 0);
    const renewed = await openBroker(copy, { clock });
    expect(await renewed.broker.log.subscribe("news")).not.toMatchObject({ epoch });
    await publish(renewed.broker, countTo(820, 21));
    const transaction = holdTransaction(2);
    clock.advance(checkpointDelayMs);
    await transaction.reached;
    const { broker } = await openBroker(crashCopyOf(copy), { clock });
    const { publications } = await readAll(broker.log, "news");
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(820));
    for (const { offset, data } of publications) expect(data).toBe(dataOf(offset));
  });
});
