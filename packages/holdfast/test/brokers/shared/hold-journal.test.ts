import { describe, expect, it, onTestFinished } from "vitest";
import { ample, countTo, EventRecord } from "../../../../../test/conformance/broker/fixture.js";
import { holdJournal } from "../../../src/brokers/shared/hold-journal.js";
import { SharedStore } from "../../../src/brokers/shared/shared-store.js";
import { systemClock } from "../../../src/sockets/system-clock.js";
import { createCounter } from "../../support/counter.js";
import { createTemporaryFolder } from "../../support/temporary-folder.js";
import { openBroker } from "../lmdb/support/store.js";

const createEpoch = createCounter("epoch");

async function openStore(folder = createTemporaryFolder("hold-journal")) {
  const onError = (error: unknown) => {
    throw error;
  };
  const store = new SharedStore({ folder, clock: systemClock, createEpoch, schedule: setImmediate, onError });
  onTestFinished(() => store.close().catch(() => {}));
  await store.open(new EventRecord());
  const publish = (n: number) => store.publish("news", { data: String(n) }, { retention: ample });
  return { folder, store, publish };
}

async function hold(folder: string) {
  const held = await holdJournal({ folder, clock: systemClock, schedule: setImmediate });
  onTestFinished(() => held?.release());
  return held;
}

describe("hold of a journal", () => {
  it("says where the journal ends, again and again, as publications come", async () => {
    const { folder, publish } = await openStore();
    const held = await hold(folder);
    const before = await held?.end();
    for (const n of countTo(3)) await publish(n);
    const after = await held?.end();
    expect(after?.number).toBe(before?.number);
    expect(after?.length).toBeGreaterThan(before?.length ?? 0);
  });

  it("is no process that could take over the store: others do not hear of it", async () => {
    const { folder, store } = await openStore();
    await hold(folder);
    const other = await openStore(folder);
    await store.close();
    await other.publish(1);
    expect(other.store.isOwner).toBe(true);
    expect(other.store.sizes).toMatchObject({ followers: 0 });
  });

  it("fails where the server ends meanwhile", async () => {
    const { folder, store } = await openStore();
    const held = await hold(folder);
    await store.close();
    await expect(held?.end()).rejects.toMatchObject({
      code: "HF_STORE_BACKUP",
      message: expect.stringContaining("ended during the copy"),
    });
  });

  it("is not needed where no process has the store", async () => {
    expect(await hold(createTemporaryFolder("hold-journal"))).toBeUndefined();
    const { folder, store } = await openStore();
    await store.close();
    expect(await hold(folder)).toBeUndefined();
  });

  it("is refused by a process that uses the store alone", async () => {
    const folder = createTemporaryFolder("hold-journal");
    await openBroker(folder);
    await expect(hold(folder)).rejects.toMatchObject({ code: "HF_STORE_IN_USE" });
  });
});
