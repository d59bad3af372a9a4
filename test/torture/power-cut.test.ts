import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, it } from "vitest";
import { createTemporaryFolder } from "../../packages/holdfast/test/support/temporary-folder.js";
import { cutPower, readFlushLog } from "./power-cut.js";
import { Random } from "./random.js";

function createFolder(): string {
  return createTemporaryFolder("power");
}

/** What a process with the hook leaves in the flush log, having run the code with a journal's path. */
async function flushedBy(code: string): Promise<number | undefined> {
  const folder = createFolder();
  const flushLog = join(folder, "flushed");
  const script = join(folder, "writer.mjs");
  writeFileSync(
    script,
    `import fs, { promises } from "node:fs"; import { promisify } from "node:util";
    const path = ${JSON.stringify(join(folder, "journal-1.log"))}; const bytes = Buffer.alloc(100, 1); ${code}`,
  );
  const hook = pathToFileURL(join(import.meta.dirname, "power-hook.mjs")).href;
  const { stderr } = spawnSync(process.execPath, ["--import", hook, script], {
    env: { ...process.env, HOLDFAST_TORTURE_FLUSH_LOG: flushLog, HOLDFAST_TORTURE_BOOT: "boot of a test" },
    encoding: "utf8",
  });
  expect(stderr).toBe("");
  return (await readFlushLog(flushLog)).get("journal-1.log");
}

describe("power hook", () => {
  it("counts what was written before a flush, and not what came after it", async () => {
    const length = await flushedBy(`
      const fd = fs.openSync(path, "w");
      fs.writeSync(fd, bytes); fs.fdatasyncSync(fd); fs.writeSync(fd, bytes);`);
    expect(length).toBe(100);
  });

  it("counts what had been written when the flush began, whatever is under way", async () => {
    const length = await flushedBy(`
      const fd = await promisify(fs.open)(path, "w");
      const write = promisify(fs.write);
      await write(fd, bytes, 0, 100, 0);
      const [last] = [write(fd, bytes, 0, 100, 200), write(fd, bytes, 0, 100, 100)];
      await promisify(fs.fdatasync)(fd); await last;`);
    expect(length).toBe(100);
  });

  it("knows writev, appending, and the functions of file handles", async () => {
    const length = await flushedBy(`
      const fd = await promisify(fs.open)(path, "a");
      await promisify(fs.writev)(fd, [bytes, bytes]); await promisify(fs.fsync)(fd); await promisify(fs.close)(fd);
      const handle = await promises.open(path, "a");
      await handle.write(bytes); await handle.writev([bytes, bytes]); await handle.datasync(); await handle.close();`);
    expect(length).toBe(500);
  });

  it("notes that a journal was cut short, or begun anew", async () => {
    const truncated = `const fd = fs.openSync(path, "w"); fs.writeSync(fd, bytes); fs.fsyncSync(fd);`;
    expect(await flushedBy(`${truncated} fs.ftruncateSync(fd, 40);`)).toBe(40);
    expect(await flushedBy(`${truncated} fs.openSync(path, "w");`)).toBe(0);
  });

  it("names the boot of the machine", async () => {
    const file = await flushedBy(`
      const boot = fs.readFileSync("/proc/sys/kernel/random/boot_id", "utf8");
      const fd = fs.openSync(path, "w"); fs.writeSync(fd, boot); fs.fsyncSync(fd);`);
    expect(file).toBe("boot of a test".length);
  });

  it("does not take a flush that failed for one", async () => {
    const length = await flushedBy(`
      const fd = fs.openSync(path, "w"); fs.writeSync(fd, bytes); fs.closeSync(fd);
      await promisify(fs.fdatasync)(fd).catch(() => {});`);
    expect(length).toBe(0);
  });
});

describe("power cut", () => {
  /** A journal of ones of which a part was flushed, after many power cuts. */
  async function* cuts(size: number, flushed: number | undefined): AsyncGenerator<Buffer | undefined> {
    for (let seed = 0; seed < 60; seed++) {
      const folder = createFolder();
      const flushLog = join(createFolder(), "flushed");
      writeFileSync(join(folder, "journal-1.log"), Buffer.alloc(size, 1));
      if (flushed !== undefined)
        writeFileSync(
          flushLog,
          `${JSON.stringify({ name: "journal-1.log", length: flushed })}\n{"name":"jou`,
        );
      await cutPower(folder, flushLog, new Random(seed));
      const isThere = readdirSync(folder).includes("journal-1.log");
      const left = isThere ? readFileSync(join(folder, "journal-1.log")) : undefined;
      if (left) expect((await readFlushLog(flushLog)).get("journal-1.log")).toBe(left.length);
      yield left;
    }
  }

  it("leaves what was flushed as it is, and any part of the rest", async () => {
    const lengths = new Set<number>();
    let torn = 0;
    for await (const left of cuts(10_000, 4000)) {
      expect(left?.subarray(0, 4000).every((byte) => byte === 1)).toBe(true);
      expect(left?.length).toBeLessThanOrEqual(10_000);
      lengths.add(left?.length ?? 0);
      if (left?.at(-1) === 0) torn++;
    }
    expect(lengths).toContain(4000);
    expect(lengths).toContain(10_000);
    expect(lengths.size).toBeGreaterThan(5);
    expect(torn).toBeGreaterThan(3);
  });

  it("may take a journal away that was never flushed", async () => {
    const left: (Buffer | undefined)[] = [];
    for await (const each of cuts(1000, undefined)) left.push(each);
    expect(left).toContain(undefined);
    expect(left.some((each) => each?.length === 1000)).toBe(true);
  });

  it("touches nothing that was flushed whole, and no other files", async () => {
    for await (const left of cuts(1000, 1000)) expect(left).toEqual(Buffer.alloc(1000, 1));
  });
});
