import { describe, expect, it } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

describe("removed history", () => {
  it.each([true, false])("stays removed after a crash (indexed before: %s)", async (isInIndex) => {
    const folder = createFolder();
    const { broker, checkpoint } = await openBroker(folder);
    for (const n of countTo(300)) await broker.log.publish("news", { data: `${n}` }, { retention: ample });
    if (isInIndex) await checkpoint();
    const { position } = await broker.log.history("news", query());
    await broker.log.removeHistory("news");
    const copy = crashCopyOf(folder);
    await broker.log.publish("news", { data: "301" }, { retention: ample });
    const after = crashCopyOf(folder);
    const first = await openBroker(copy);
    expect(await first.broker.log.history("news", query())).toEqual({ publications: [], position });
    const second = await openBroker(after);
    expect(await offsetsIn(second.broker.log, "news")).toEqual([301]);
  });

  it("is gone although publishing continues meanwhile", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const publishing = countTo(200).map((n) =>
      broker.log.publish("news", { data: `${n}` }, { retention: ample }),
    );
    await publishing[99];
    await broker.log.removeHistory("news");
    await Promise.all(publishing);
    const { broker: again } = await openBroker(crashCopyOf(folder));
    const offsets = await offsetsIn(again.log, "news");
    expect(offsets).toEqual(countTo(200).slice(200 - offsets.length));
    expect(offsets.length).toBeLessThan(101);
  });

  it("can be removed by concurrent calls, and not after the broker is closed", async () => {
    const { broker } = await openBroker(createFolder());
    for (const name of ["a", "b", "c"]) await broker.log.publish(name, { data: "1" }, { retention: ample });
    await Promise.all(["a", "b", "c"].map((name) => broker.log.removeHistory(name)));
    for (const name of ["a", "b", "c"]) expect(await offsetsIn(broker.log, name)).toEqual([]);
    const closing = broker.close();
    await expect(broker.log.removeHistory("a")).rejects.toMatchObject({ code: "HF_BROKER_CLOSED" });
    await closing;
  });
});
