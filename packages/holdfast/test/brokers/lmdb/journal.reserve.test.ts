import { promises } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { Journal, ReserveJournal } from "../../../src/brokers/lmdb/journal.js";
import { systemError } from "./support/faults.js";
import { endless, readAll } from "./support/record.js";
import { RemoteBroker } from "./support/remote-broker.js";
import { crashCopyOf, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const full = { code: "HF_BROKER_FULL" };
const reserved = { retention: endless, durability: "disk", isReserved: true } as const;

afterEach(() => void vi.restoreAllMocks());

const dataOf = async (broker: Parameters<typeof readAll>[0]) =>
  (await readAll(broker, "reserved")).publications.map(({ offset, data }) => `${offset} ${data}`);

async function afterCrash(folder: string): Promise<string[]> {
  return await dataOf((await openBroker(crashCopyOf(folder))).broker.log);
}

function fillDisk(code: string) {
  const append = vi.spyOn(Journal.prototype, "append").mockRejectedValue(systemError(code));
  return { empty: () => append.mockRestore() };
}

const put = ({ broker }: OpenBroker, n: number) =>
  broker.log.publish("reserved", { data: String(n) }, reserved);

describe("reserved publications in a store whose disk is full", () => {
  it.each(["ENOSPC", "EDQUOT", "EFBIG"])(
    "is taken and outlasts a crash (%s), where others are refused",
    async (code) => {
      const folder = createFolder();
      const store = await openBroker(folder);
      await store.broker.log.subscribe("reserved");
      fillDisk(code);
      const outcomes = await Promise.allSettled([
        store.broker.log.publish("news", { data: "1" }, { retention: ample }),
        put(store, 1),
        store.broker.log.publish("news", { data: "2" }, { retention: ample }),
        put(store, 2),
      ]);
      expect(outcomes).toMatchObject([
        { reason: full },
        { value: { position: { offset: 1 } } },
        { reason: full },
        { value: { position: { offset: 2 } } },
      ]);
      expect(store.events.offsets("reserved")).toEqual([1, 2]);
      expect(await dataOf(store.broker.log)).toEqual(["1 1", "2 2"]);
      expect(await afterCrash(folder)).toEqual(["1 1", "2 2"]);
    },
  );

  it("keep their order with publications journaled before, between and after", async () => {
    const folder = createFolder();
    const store = await openBroker(folder, { checkpointDelayMs: 1_000_000 });
    const expected: string[] = [];
    for (const n of countTo(6)) {
      const disk = n % 2 === 0 ? fillDisk("ENOSPC") : undefined;
      await put(store, n);
      disk?.empty();
      expected.push(`${n} ${n}`);
      expect(await afterCrash(folder)).toEqual(expected);
    }
  });

  it("free the reserve once indexed, and survive a crash right before that", async () => {
    const folder = createFolder();
    const store = await openBroker(folder);
    const clear = vi.spyOn(ReserveJournal.prototype, "clear");
    const disk = fillDisk("ENOSPC");
    await put(store, 1);
    clear.mockRejectedValueOnce(systemError("ENOSPC"));
    await store.checkpoint();
    expect(await afterCrash(folder)).toEqual(["1 1"]);
    disk.empty();
    await put(store, 2);
    await store.checkpoint();
    fillDisk("ENOSPC");
    await put(store, 3);
    expect(await afterCrash(folder)).toEqual(["1 1", "2 2", "3 3"]);
    // The frame stands at the beginning again.
    const copy = await ReserveJournal.open(crashCopyOf(folder));
    expect(copy.frames).toHaveLength(1);
    await copy.close();
  });

  it("are refused once the reserve is full, too, and earlier ones are kept", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    fillDisk("ENOSPC");
    const data = JSON.stringify("x".repeat(60_000));
    let taken = 0;
    for (; taken < 100; taken++)
      if (
        !(await broker.log.publish("reserved", { data }, reserved).then(
          () => true,
          () => false,
        ))
      )
        break;
    expect(taken).toBeGreaterThan(10);
    expect(taken).toBeLessThan(20);
    expect(await afterCrash(folder)).toHaveLength(taken);
  });
});

describe("reserve that cannot be created", () => {
  it("holds nothing and does not prevent opening the store", async () => {
    const folder = createFolder();
    vi.spyOn(promises, "open").mockRejectedValueOnce(systemError("ENOSPC"));
    const reserve = await ReserveJournal.open(folder);
    expect(reserve.frames).toEqual([]);
    await expect(reserve.append(Buffer.alloc(100))).rejects.toMatchObject(full);
    await reserve.close();
  });
});

describe("reserved publications in a store at its limits", () => {
  it("are accepted when users and the server are refused", async () => {
    const folder = createFolder();
    const store = await openBroker(folder, { maxBytes: 400_000, maxChannels: 50, maxPendingBytes: 100_000 });
    const large = JSON.stringify("x".repeat(20_000));
    for (const owner of [{ owner: "user:ann" }, {}]) {
      let isRefused = false;
      for (let n = 0; n < 300 && !isRefused; n++) {
        const publication = store.broker.log.publish(
          `news-${n}`,
          { data: large },
          { retention: endless, ...owner },
        );
        isRefused = await publication.then(
          () => false,
          () => true,
        );
        await store.checkpoint();
      }
      expect(isRefused).toBe(true);
    }
    await put(store, 1);
    expect(await afterCrash(folder)).toEqual(["1 1"]);
  });

  it.each([600, 9000])("survive kill -9 of a process limited to %i kB per file", async (maxFileKb) => {
    const folder = createFolder();
    const remote = await RemoteBroker.start({ maxFileKb });
    await remote.open({ folder, checkpointDelayMs: 5 });
    const data = JSON.stringify("x".repeat(10_000));
    let isRefused = false;
    for (let n = 0; n < 4000 && !isRefused; n++)
      isRefused = await remote.publish(`news-${n % 4}`, { data }, { retention: endless }).then(
        () => false,
        () => true,
      );
    expect(isRefused).toBe(true);
    for (const n of countTo(20)) await remote.publish("reserved", { data: String(n) }, reserved);
    await remote.kill();
    const { broker } = await openBroker(folder);
    expect(await dataOf(broker.log)).toEqual(countTo(20).map((n) => `${n} ${n}`));
  });
});
