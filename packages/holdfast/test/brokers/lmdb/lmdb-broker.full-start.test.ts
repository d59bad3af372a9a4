/** A server that starts where the disk has no room at all: a full file system where the tests may mount one, and faults beside it. */
import { spawnSync } from "node:child_process";
import {
  closeSync,
  cpSync,
  mkdtempSync,
  openSync,
  promises,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { ample, countTo, offsetsIn, query } from "../../../../../test/conformance/broker/fixture.js";
import { systemError } from "./support/faults.js";
import { crashCopyOf, createFolder, openBroker } from "./support/store.js";

afterEach(() => void vi.restoreAllMocks());

interface Disk {
  readonly name: string;
  /** A folder like the given one on a disk that has no room, and what makes some. */
  readonly fill: (
    folder: string,
    isWithoutLock?: boolean,
  ) => { readonly folder: string; readonly free: () => void };
}

/** The marker cannot be written. */
const refusing: Disk = {
  name: "that refuses to write a file",
  fill: (folder) => {
    const { open } = promises;
    const spy = vi.spyOn(promises, "open").mockImplementation(async (path, ...rest) => {
      if (String(path).endsWith("holdfast.json.new")) throw systemError("ENOSPC");
      return await open(path, ...rest);
    });
    return { folder, free: () => void spy.mockRestore() };
  },
};

/** LMDB's own file, which a copy lacks: on a disk of one's own it is there. */
function withLockFile(folder: string): void {
  writeFileSync(join(folder, "lock.mdb"), Buffer.alloc(16 * 1024));
}

const fileSystem: Disk = {
  name: "whose file system is full",
  fill: (folder, isWithoutLock = false) => {
    const mount = mountFileSystem();
    if (mount === undefined) throw new Error("no file system was mounted");
    const copy = join(mount, "data");
    cpSync(folder, copy, { recursive: true });
    if (!isWithoutLock) withLockFile(copy);
    const filler = join(mount, "filler");
    const file = openSync(filler, "w");
    const chunk = Buffer.alloc(4096);
    try {
      while (writeSync(file, chunk) > 0);
    } catch {
      // There is no room now.
    }
    closeSync(file);
    return { folder: copy, free: () => rmSync(filler) };
  },
};

/** @returns undefined where this user may mount none */
function mountFileSystem(): string | undefined {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return undefined;
  const mount = mkdtempSync(join(tmpdir(), "holdfast-full-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=24m", "tmpfs", mount]);
  onTestFinished(() => {
    if (status === 0) spawnSync("umount", ["-l", mount]);
    rmSync(mount, { recursive: true, force: true });
  });
  return status === 0 ? mount : undefined;
}

const mayMount = (() => {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return false;
  const mount = mkdtempSync(join(tmpdir(), "holdfast-full-"));
  const { status } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", mount]);
  if (status === 0) spawnSync("umount", [mount]);
  rmSync(mount, { recursive: true, force: true });
  return status === 0;
})();

const full = { code: "HF_BROKER_FULL" };
const disks = mayMount ? [refusing, fileSystem] : [refusing];

describe.each(disks)("start on a disk $name", { timeout: 60_000 }, ({ fill }) => {
  it.each(["a clean end", "a crash"])(
    "serves what is there after %s, takes nothing, and says so",
    async (ending) => {
      const before = createFolder();
      const first = await openBroker(before);
      const keys = { maxKeys: 10, maxBytes: 100_000 };
      await first.broker.log.publish("map", { key: "a", data: "1" }, { retention: { ...ample, keys } });
      for (const n of countTo(5))
        await first.broker.log.publish("news", { data: String(n) }, { retention: ample });
      await first.checkpoint();
      for (const n of countTo(9, 6))
        await first.broker.log.publish("news", { data: String(n) }, { retention: ample });
      const { epoch } = await first.broker.log.subscribe("news");
      if (ending === "a clean end") await first.broker.close();
      const { folder, free } = fill(ending === "a clean end" ? before : crashCopyOf(before));

      const { broker, errors, events, advance } = await openBroker(folder);
      expect(errors).toEqual([
        expect.objectContaining({ ...full, message: expect.stringContaining("is read-only") }),
      ]);
      expect(await broker.log.subscribe("news")).toEqual({ epoch, offset: 9 });
      expect(await offsetsIn(broker.log, "news")).toEqual(countTo(9));
      expect(await broker.log.value("map", "a")).toMatchObject({ data: "1" });
      expect((await broker.log.subscribe("new")).offset).toBe(0);
      expect((await broker.log.history("other", query())).publications).toEqual([]);
      for (const durability of ["memory", "process", "disk"] as const)
        for (const channel of ["news", "new"])
          await expect(
            broker.log.publish(channel, { data: "10" }, { retention: ample, durability }),
          ).rejects.toMatchObject(full);
      await expect(broker.log.removeHistory("news")).rejects.toMatchObject(full);
      await advance(60_000);
      expect(errors).toHaveLength(1);
      expect(events.publications).toEqual([]);
      await broker.close();

      free();
      const next = await openBroker(folder);
      expect(next.errors).toEqual([]);
      const { position } = await next.broker.log.publish("news", { data: "10" }, { retention: ample });
      expect(position).toEqual({ epoch, offset: 10 });
      expect(await offsetsIn(next.broker.log, "news")).toEqual(countTo(10));
    },
  );

  it("accepts reserved publications and keeps them across the next start", async () => {
    const before = createFolder();
    const first = await openBroker(before);
    await first.broker.log.publish("revoked", { data: "1" }, { retention: ample, durability: "disk" });
    await first.broker.close();
    const { folder, free } = fill(before);
    const { broker } = await openBroker(folder);
    const options = { retention: ample, durability: "disk", isReserved: true } as const;
    const { position } = await broker.log.publish("revoked", { data: "2" }, options);
    expect(position.offset).toBe(2);
    const killed = createFolder();
    cpSync(folder, killed, { recursive: true, filter: (path) => !/owner|lock\.mdb/.test(path) });
    free();
    for (const each of [killed, folder]) {
      if (each === folder) await broker.close();
      const next = await openBroker(each);
      expect(await offsetsIn(next.broker.log, "revoked")).toEqual([1, 2]);
      expect((await next.broker.log.subscribe("revoked")).epoch).toBe(position.epoch);
    }
  });

  it("fails when there is no store yet", async () => {
    const { folder } = fill(createFolder());
    await expect(openBroker(folder)).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
  });
});

describe("start on a full file system", { timeout: 60_000 }, () => {
  it.runIf(mayMount)("fails without ending the process when LMDB has no file to lock", async () => {
    const before = createFolder();
    const first = await openBroker(before);
    await first.broker.log.publish("news", { data: "1" }, { retention: ample });
    const { folder, free } = fileSystem.fill(crashCopyOf(before), true);
    await expect(openBroker(folder)).rejects.toMatchObject({ code: "HF_STORE_OPEN" });
    free();
    expect(await offsetsIn((await openBroker(folder)).broker.log, "news")).toEqual([1]);
  });
});
