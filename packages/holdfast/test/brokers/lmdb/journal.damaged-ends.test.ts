import { describe, expect, it } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { damageEnd } from "./support/faults.js";
import { endless, readAll } from "./support/record.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const dataOf = (n: number) => JSON.stringify(`${n} ${"x".repeat(5000)}`);

async function publish({ broker }: OpenBroker, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) await broker.log.publish("news", { data: dataOf(n) }, { retention: endless });
}

describe.each([1, 2])("log whose last %i index chunks are damaged", (damaged) => {
  it("keeps everything in the journal after a crash", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    await publish(first, countTo(60));
    await first.checkpoint();
    await publish(first, countTo(70, 61));
    const copy = crashCopyOf(folder);
    expect(await damageEnd(copy, "news", damaged)).toBeGreaterThan(damaged);
    const { broker, errors } = await openBroker(copy);
    const { publications } = await readAll(broker.log, "news");
    expect(publications.map(({ offset }) => offset)).toEqual(countTo(70));
    for (const { offset, data } of publications) expect(data).toBe(dataOf(offset));
    expect(errors.map(({ code }) => code)).toEqual(["HF_STORE_CORRUPT"]);
  });

  it("continues in one new epoch after the surviving publications, across restarts", async () => {
    const folder = createFolder();
    const first = await openBroker(folder);
    for (const part of countTo(4)) {
      await publish(first, countTo(part * 10, part * 10 - 9));
      await first.checkpoint();
    }
    const { epoch } = await first.broker.log.subscribe("news");
    await first.broker.close();
    expect(await damageEnd(folder, "news", damaged)).toBe(4);
    const second = await openBroker(folder);
    const left = await second.broker.log.subscribe("news");
    expect(left.epoch).not.toBe(epoch);
    expect(left.offset).toBe(40 - damaged * 10);
    for (const n of countTo(3))
      await second.broker.log.publish("news", { data: `"after ${n}"` }, { retention: ample });
    const page = await readAll(second.broker.log, "news");
    expect(page.position).toEqual({ epoch: left.epoch, offset: left.offset + 3 });
    expect(page.publications.map(({ data }) => data)).toEqual([
      ...countTo(left.offset).map(dataOf),
      ...countTo(3).map((n) => `"after ${n}"`),
    ]);
    await second.broker.close();
    for (const _ of countTo(3)) {
      const { broker, errors } = await openBroker(folder);
      expect(await readAll(broker.log, "news")).toEqual(page);
      expect(errors).toEqual([]);
      await broker.close();
    }
  });
});
