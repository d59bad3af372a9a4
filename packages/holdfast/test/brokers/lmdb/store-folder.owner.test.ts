import fs, { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { join } from "node:path";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { countTo, EventRecord } from "../../../../../test/conformance/broker/fixture.js";
import { PublicationRecord, publicationOf } from "./support/record.js";
import { RemoteBroker, type RemoteError } from "./support/remote-broker.js";
import { createBroker, createFolder, type OpenBroker, openBroker } from "./support/store.js";

const inUseBy = (pid: number | undefined) => ({ code: "HF_STORE_IN_USE", details: { pid } });

describe("store in use by a server", () => {
  it("is refused to another broker of the same process until it is closed", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    await expect(openBroker(folder)).rejects.toMatchObject(inUseBy(process.pid));
    await expect(openBroker(join(folder, "..", folder.split("/").at(-1) ?? ""))).rejects.toMatchObject(
      inUseBy(process.pid),
    );
    const record = new PublicationRecord();
    await record.publish(broker.log, "news", publicationOf(1));
    await broker.close();
    const next = await openBroker(folder);
    await record.expectKeptBy(next.broker.log);
  });

  it("is refused to another process, with repair too", async () => {
    const folder = createFolder();
    const { broker } = await openBroker(folder);
    const remote = await RemoteBroker.start();
    for (const repair of [false, true])
      await expect(remote.open({ folder, repair })).rejects.toMatchObject(inUseBy(process.pid));
    await broker.close();
    await remote.open({ folder });
    await expect(openBroker(folder)).rejects.toMatchObject(inUseBy(remote.pid));
  });

  it("is free as soon as the process is killed", async () => {
    const folder = createFolder();
    for (const _ of countTo(2)) {
      const remote = await RemoteBroker.open({ folder });
      await expect(openBroker(folder)).rejects.toMatchObject(inUseBy(remote.pid));
      await remote.kill();
      const { broker } = await openBroker(folder);
      await broker.close();
    }
  });

  it("is released by a broker that is closed while opening", async () => {
    const folder = createFolder();
    const broker = createBroker(folder);
    const opening = broker.open(new EventRecord());
    await broker.close();
    await opening.catch(() => {});
    await expect(openBroker(folder)).resolves.toBeDefined();
  });

  it("is released by a failed start", async () => {
    const folder = createFolder();
    writeFileSync(join(folder, "holdfast.json"), "{");
    await expect(openBroker(folder)).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
    const remote = await RemoteBroker.start();
    await expect(remote.open({ folder })).rejects.toMatchObject({ code: "HF_STORE_CORRUPT" });
  });
});

describe.runIf(["linux", "win32"].includes(process.platform))(
  "store whose files that name the owner are gone",
  () => {
    it.each([
      ["owner.json", /^owner\.json$/],
      ["its socket", /\.sock$/],
      ["all that say something of an owner", /^owner|^lock\.mdb$/],
    ])("is refused to another process and another broker all the same: %s", async (_name, pattern) => {
      const folder = createFolder();
      const record = new PublicationRecord();
      const remote = await RemoteBroker.open({ folder });
      await record.publish(remote, "news", publicationOf(1));
      for (const name of readdirSync(folder)) if (pattern.test(name)) rmSync(join(folder, name));
      await expect(openBroker(folder)).rejects.toMatchObject({ code: "HF_STORE_IN_USE" });
      const other = await RemoteBroker.start();
      await expect(other.open({ folder, repair: true })).rejects.toMatchObject({ code: "HF_STORE_IN_USE" });
      await record.publish(remote, "news", publicationOf(2));
      await remote.kill();
      await record.expectKeptBy((await openBroker(folder)).broker.log);
    });
  },
);

describe("servers starting on one store at the same moment", () => {
  it.each(countTo(3))("elect one owner within one process (%i)", async () => {
    const folder = createFolder();
    const outcomes = await Promise.allSettled(countTo(8).map(() => openBroker(folder)));
    const winners = outcomes.filter(({ status }) => status === "fulfilled");
    expect(winners).toHaveLength(1);
    for (const outcome of outcomes)
      if (outcome.status === "rejected") expect(outcome.reason).toMatchObject({ code: "HF_STORE_IN_USE" });
    const [winner] = winners as PromiseFulfilledResult<OpenBroker>[];
    await expect(winner?.value.broker.log.subscribe("news")).resolves.toMatchObject({ offset: 0 });
  });

  it("elect one owner among eight processes, each time after the owner is killed", async () => {
    const folder = createFolder();
    const record = new PublicationRecord();
    let remotes = await Promise.all(countTo(8).map(() => RemoteBroker.start()));
    for (const round of countTo(3)) {
      const outcomes = await Promise.all(
        remotes.map((remote) =>
          remote.open({ folder }).then(
            () => undefined,
            (error: RemoteError) => error,
          ),
        ),
      );
      const winners = remotes.filter((_, index) => outcomes[index] === undefined);
      expect(winners).toHaveLength(1);
      const [winner] = winners;
      for (const error of outcomes) if (error) expect(error.code).toBe("HF_STORE_IN_USE");
      if (winner === undefined) throw new Error("there is a winner");
      await record.publish(winner, "news", publicationOf(round));
      await record.expectKeptBy(winner);
      await winner.kill();
      remotes = remotes.filter((remote) => remote !== winner);
    }
    await record.expectKeptBy((await openBroker(folder)).broker.log);
  });
});

describe("store with a long path", () => {
  it("has one owner, too", async () => {
    const folder = join(createFolder(), "d".repeat(100), "e".repeat(100));
    const { broker } = await openBroker(folder);
    await expect(openBroker(folder)).rejects.toMatchObject(inUseBy(process.pid));
    await broker.close();
    const remote = await RemoteBroker.open({ folder });
    await expect(openBroker(folder)).rejects.toMatchObject(inUseBy(remote.pid));
    await remote.kill();
    const next = await openBroker(folder);
    await next.broker.close();
    expect(existsSync(join(folder, "data.mdb"))).toBe(true);
  });
});

describe("store on a network file system", () => {
  /** What a server leaves that did not close its store, on this machine since its start, or not. */
  async function leave(boot: "this" | "another"): Promise<string> {
    const folder = createFolder();
    const remote = await RemoteBroker.open({ folder });
    await remote.kill();
    if (boot === "another") {
      const file = join(folder, "owner.json");
      writeFileSync(file, JSON.stringify({ ...JSON.parse(readFileSync(file, "utf8")), boot }));
    }
    return folder;
  }

  function pretend(type: number): void {
    const spy = vi.spyOn(fs, "statfsSync").mockReturnValue({ type } as never);
    syncBuiltinESMExports();
    onTestFinished(() => {
      spy.mockRestore();
      syncBuiltinESMExports();
    });
  }

  it("is not taken from a server that may run on another machine", async () => {
    const folder = await leave("another");
    pretend(0x6969);
    await expect(openBroker(folder)).rejects.toMatchObject({
      code: "HF_STORE_IN_USE",
      message: expect.stringContaining("a server on another machine may be using it"),
    });
  });

  it.each([
    ["on a local disk", "another", 0xef53],
    ["on one, but left by this machine", "this", 0x6969],
  ] as const)("is taken if it is %s", async (_name, boot, type) => {
    const folder = await leave(boot);
    pretend(type);
    await expect(openBroker(folder)).resolves.toBeDefined();
  });
});
