/**
 * Why a store has a journal beside LMDB: what does it take until one publication is safe from the end of the process, and from
 * that of the machine, in LMDB alone and in a file that is appended to? One write at a time, each awaited.
 */

import { rmSync } from "node:fs";
import { open as openFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { jsonOption, readOptions, runBench, writeResults } from "./support/command.js";
import { describe, describeMachine, table } from "./support/report.js";
import { createDataFolder, describeDataParent } from "./support/running-server.js";

const description = {
  name: "store",
  about: "Milliseconds until one write is safe: LMDB with and without its sync, and a journal.",
  options: {
    writes: { value: "N", default: "500", about: "writes of each kind" },
    bytes: { value: "N", default: "100", about: "bytes of a write" },
    folder: { value: "DIR", about: "where data is kept (default: the system's folder for temporary files)" },
    json: jsonOption("store"),
  },
};

interface Store {
  readonly write: (n: number, bytes: Buffer) => Promise<unknown>;
  readonly close: () => Promise<unknown>;
}

interface Contender {
  readonly name: string;
  readonly survives: string;
  readonly open: (folder: string) => Promise<Store>;
}

const keyOf = (n: number) => Buffer.from(`news\0${String(n).padStart(12, "0")}`);

function lmdb(options: { readonly noSync?: boolean }) {
  return async (folder: string): Promise<Store> => {
    // What the server package has as a dependency.
    const fromServer = createRequire(new URL("../packages/holdfast/package.json", import.meta.url));
    const { open } = fromServer("lmdb") as typeof import("lmdb");
    const root = open<Buffer, Buffer>({
      path: folder,
      encoding: "binary",
      keyEncoding: "binary",
      ...options,
    });
    return { write: (n, bytes) => root.put(keyOf(n), bytes), close: () => root.close() };
  };
}

function journal(isFlushed: boolean) {
  return async (folder: string): Promise<Store> => {
    const file = await openFile(join(folder, "journal-1.log"), "w");
    return {
      write: async (_, bytes) => {
        await file.write(bytes);
        if (isFlushed) await file.datasync();
      },
      close: () => file.close(),
    };
  };
}

const contenders: readonly Contender[] = [
  { name: "LMDB, a put with its sync", survives: "machine", open: lmdb({}) },
  { name: "LMDB, a put without sync", survives: "process", open: lmdb({ noSync: true }) },
  { name: "journal, a write and a flush", survives: "machine", open: journal(true) },
  { name: "journal, a write", survives: "process", open: journal(false) },
];

await runBench(async () => {
  const options = readOptions(description);
  const settings = {
    writes: options.integer("writes", { min: 1 }),
    bytes: options.integer("bytes", { min: 1 }),
    folder: options.text("folder"),
  };
  const samples = [];
  for (const { name, survives, open } of contenders)
    samples.push({ name, survives, ...(await measure(open, settings)) });
  const machine = describeMachine();
  const data = describeDataParent(settings.folder);
  console.log(
    `${describe(machine)}\n${settings.writes} writes of ${settings.bytes} bytes each, one at a time; ${data}\n`,
  );
  console.log(
    table(
      ["", "survives the end of the", "median ms", "p99 ms"],
      samples.map(({ name, survives, p50Ms, p99Ms }) => [name, survives, p50Ms.toFixed(3), p99Ms.toFixed(3)]),
    ),
  );
  writeResults(options, "store", { machine, settings: { ...settings, data }, samples });
});

async function measure(
  open: Contender["open"],
  {
    writes,
    bytes,
    folder,
  }: { readonly writes: number; readonly bytes: number; readonly folder: string | undefined },
): Promise<{ readonly p50Ms: number; readonly p99Ms: number }> {
  const data = createDataFolder(folder);
  try {
    const store = await open(data);
    const payload = Buffer.alloc(bytes, "x");
    const warmUps = Math.ceil(writes / 10);
    const times: number[] = [];
    for (let n = 0; n < warmUps + writes; n++) {
      const start = performance.now();
      await store.write(n, payload);
      if (n >= warmUps) times.push(performance.now() - start);
    }
    await store.close();
    times.sort((a, b) => a - b);
    const at = (part: number) => times[Math.min(times.length - 1, Math.floor(times.length * part))] as number;
    return { p50Ms: at(0.5), p99Ms: at(0.99) };
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
}
