import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { ample, countTo } from "../../../../../test/conformance/broker/fixture.js";
import { findOpenToOthers } from "../../../src/brokers/lmdb/store-folder.js";
import { createFolder, openBroker } from "./support/store.js";

const modeOf = (path: string) => statSync(path).mode & 0o777;

/** Whatever the process would give others otherwise. */
function withMask(mask: number): void {
  const before = process.umask(mask);
  onTestFinished(() => void process.umask(before));
}

async function fill(folder: string) {
  const opened = await openBroker(folder, { maxJournalBytes: 2000 });
  for (const n of countTo(30)) {
    await opened.broker.log.publish("news", { data: String(n) }, { retention: ample });
    if (n % 10 === 0) await opened.checkpoint();
  }
  return opened;
}

function expectClosed(folder: string): void {
  expect(modeOf(folder)).toBe(0o700);
  const names = readdirSync(folder);
  expect(names).toEqual(expect.arrayContaining(["data.mdb", "lock.mdb", "holdfast.json", "journal-ends"]));
  expect(names.filter((name) => modeOf(join(folder, name)) !== 0o600)).toEqual([]);
  expect(findOpenToOthers(folder)).toEqual([]);
}

describe.skipIf(process.platform === "win32")("files of a store", () => {
  it.each([0, 0o022])("are private to the user, with umask %i", async (mask) => {
    withMask(mask);
    const folder = join(createFolder(), "data");
    const { broker } = await fill(folder);
    expectClosed(folder);
    await broker.close();
    expectClosed(folder);
  });

  it("leave parent folders with their usual mode", async () => {
    withMask(0o022);
    const above = join(createFolder(), "var");
    await openBroker(join(above, "data"));
    expect(modeOf(above)).toBe(0o755);
  });

  it("are made private at the next start when an earlier version left them open", async () => {
    withMask(0o022);
    const folder = join(createFolder(), "data");
    const { broker } = await fill(folder);
    await broker.close();
    chmodSync(folder, 0o755);
    for (const name of readdirSync(folder)) chmodSync(join(folder, name), 0o644);
    expect(findOpenToOthers(folder)).toContain(join(folder, "data.mdb"));
    await openBroker(folder);
    expectClosed(folder);
  });

  it("make an existing empty folder private, too", async () => {
    const folder = join(createFolder(), "data");
    mkdirSync(folder, { mode: 0o755 });
    await openBroker(folder);
    expectClosed(folder);
  });

  it("leave the mode of a folder with other contents alone", async () => {
    withMask(0o022);
    const folder = join(createFolder(), "home");
    mkdirSync(folder, { mode: 0o755 });
    writeFileSync(join(folder, "page.html"), "");
    await openBroker(folder);
    expect(modeOf(folder)).toBe(0o755);
    expect(modeOf(join(folder, "page.html"))).toBe(0o644);
    expect(modeOf(join(folder, "data.mdb"))).toBe(0o600);
    expect(findOpenToOthers(folder)).toEqual([folder]);
  });
});
