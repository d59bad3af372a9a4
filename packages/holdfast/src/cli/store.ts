/** `holdfast store`: look into the data folder, check it, copy it while a server uses it, restore a copy, and make it smaller. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { loadPatternOf } from "../config/load-config.js";
import {
  backUpStore,
  type CopyProgress,
  compactStore,
  describeStore,
  HoldfastError,
  restoreStore,
  type StoredAmount,
  verifyStore,
} from "../index.js";
import { loadWithFlags, sourcesOf, toInteger, withConfigFlag } from "./server-flags.js";
import { durationOf, paint, tableOf } from "./table.js";
import { writeNote, writeResult, writeText } from "./terminal.js";

interface StoreFlags {
  readonly data?: string;
  readonly config?: string;
  readonly json?: boolean;
}

/** @param end receives the exit code */
export function addStore(program: Command, end: (code: number) => void): void {
  const store = program.command("store").description("inspect, check, back up, restore and compact the data");
  addInspect(store);
  addCheck(store, end);
  addBackup(store);
  addRestore(store);
  addCompact(store);
}

function withStoreFlags(command: Command): Command {
  return withConfigFlag(command)
    .addOption(new Option("--data <folder>", "folder of the store, as of serve"))
    .option("--json", "JSON for programs");
}

function addInspect(store: Command): void {
  withStoreFlags(store.command("inspect").description("say what a store holds, by pattern of channel names"))
    .addOption(new Option("--top <number>", "number of largest channels").argParser(toInteger).default(10))
    .addHelpText(
      "after",
      `
Reads the store; a server may use it meanwhile. Channels are counted by the
patterns of the configuration (--config), or by what comes before the first
colon of their names.

Examples:
  $ holdfast store inspect
  $ holdfast store inspect --data /var/lib/holdfast --json
`,
    )
    .action(async (flags: StoreFlags & { readonly top: number }) => {
      const patternOf = await loadPatternOf(sourcesOf(flags.config));
      const folder = await folderOf(flags);
      const report = await watched("read", "channels", (onProgress) =>
        describeStore(folder, { largest: flags.top, onProgress, ...(patternOf && { patternOf }) }),
      );
      if (flags.json) return writeResult(report);
      const { index, journal, total } = report;
      const by = report.server === undefined ? "not in use" : `used by process ${report.server}`;
      writeText(`${report.folder}: format ${report.format}, opened ${report.runs} times, ${by}`);
      writeText(`index    ${inMiB(index.bytes)}, of which ${inMiB(index.usedBytes)} are in use`);
      writeText(
        `journal  ${inMiB(journal.bytes)} in ${journal.files} ${journal.files === 1 ? "file" : "files"}, ${journal.pending} publications not in the index yet`,
      );
      writeText("");
      const rows = report.patterns.map(({ pattern, channels, ...amount }) => [
        pattern,
        channels,
        ...cellsOf(amount),
      ]);
      writeText(
        tableOf(
          [{ name: "pattern" }, { name: "channels", isNumber: true }, ...amountColumns],
          [...rows, ["all", report.channels, ...cellsOf(total)]],
        ),
      );
      if (report.largest.length === 0) return;
      writeText("");
      writeText(
        tableOf(
          [{ name: "largest channels" }, ...amountColumns],
          report.largest.map(({ channel, ...amount }) => [channel, ...cellsOf(amount)]),
        ),
      );
    });
}

const amountColumns = ["publications", "keys", "size", "oldest"].map((name) => ({ name, isNumber: true }));

function cellsOf({ publications, keys, bytes, oldest }: StoredAmount) {
  const age = oldest === undefined ? "–" : durationOf(Math.max(0, (Date.now() - oldest) / 1000));
  return [publications, keys, inMiB(bytes), age];
}

function inMiB(bytes: number): string {
  const mebibytes = bytes / 1024 / 1024;
  return mebibytes < 0.1 ? `${(bytes / 1024).toFixed(1)} KiB` : `${mebibytes.toFixed(1)} MiB`;
}

function addCheck(store: Command, end: (code: number) => void): void {
  withStoreFlags(
    store.command("check").description("check checksums, and that journal and index of a store agree"),
  )
    .addHelpText(
      "after",
      `
Reads every publication; a server may use the store meanwhile. The exit code is
1 if something is wrong.

Examples:
  $ holdfast store check
  $ holdfast store check --data /var/lib/holdfast
`,
    )
    .action(async (flags: StoreFlags) => {
      const folder = await folderOf(flags);
      const result = await watched("checked", "channels", (onProgress) => verifyStore(folder, onProgress));
      const { faults, faultCount, channels, publications, values, frames } = result;
      if (faultCount > 0) end(1);
      if (flags.json) return writeResult(result);
      for (const { channel, text } of faults)
        writeText(`${paint("red", "fault")}  ${plain(channel === undefined ? text : `${channel}: ${text}`)}`);
      if (faultCount > faults.length) writeText(`… and ${faultCount - faults.length} more`);
      const what = `${channels} channels, ${publications} publications, ${values} values of keys, ${frames} frames of the journal`;
      if (faultCount === 0) return writeText(`${paint("green", "sound")}  ${what}`);
      writeText(
        `${faultCount} ${faultCount === 1 ? "fault" : "faults"} in ${what}. A server continues with what can be read: start it once with --repair-data, or restore a backup`,
      );
    });
}

function addBackup(store: Command): void {
  withStoreFlags(
    store
      .command("backup")
      .description("copy a store as of one moment, also while a server uses it")
      .argument("<target>", "a folder that does not exist, or is empty"),
  )
    .addHelpText(
      "after",
      `
Run it as the user of the server. The server goes on meanwhile, and keeps its
journal until the copy is complete.

Examples:
  $ holdfast store backup /backups/$(date +%F)
  $ holdfast store backup /mnt/usb/holdfast --data /var/lib/holdfast
`,
    )
    .action(async (target: string, flags: StoreFlags) => {
      const folder = await folderOf(flags);
      const backup = await watched("copied", "bytes", (onProgress) =>
        backUpStore(folder, target, onProgress),
      );
      if (flags.json) return writeResult(backup);
      writeText(
        `${target}: ${backup.channels} channels in ${inMiB(sizeOf(backup.files))}, as of ${isoOf(backup.at)}`,
      );
    });
}

function sizeOf(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((sum, { bytes }) => sum + bytes, 0);
}

function addRestore(store: Command): void {
  withStoreFlags(
    store
      .command("restore")
      .description("make a store of a backup")
      .argument("<backup>", "folder of the backup"),
  )
    .addOption(new Option("--until <time>", "leave out what was published later").argParser(toTime))
    .addHelpText(
      "after",
      `
The folder of the new store must not exist, or be empty. All channels continue in
new epochs, and clients are told that publications may be missing. With --until,
what retention had removed by the time of the backup stays removed.

Examples:
  $ holdfast store restore /backups/2026-05-01 --data /var/lib/holdfast
  $ holdfast store restore /backups/2026-05-01 --until 2026-05-01T08:30:00Z
`,
    )
    .action(async (from: string, flags: StoreFlags & { readonly until?: number }) => {
      const folder = await folderOf(flags);
      const { until } = flags;
      const restored = await watched("copied", "bytes", (onProgress) =>
        restoreStore(from, folder, { onProgress, ...(until !== undefined && { until }) }),
      );
      if (flags.json) return writeResult(restored);
      const { channels, at } = restored.backup;
      writeText(`${folder}: ${channels} channels, as of ${isoOf(until ?? at)}`);
      if (until === undefined) return;
      writeText(`${restored.dropped} publications came later, and were left out`);
      if (restored.lostKeys > 0)
        writeText(`${restored.lostKeys} keys of maps have no value now: the log had none as old as that`);
    });
}

function addCompact(store: Command): void {
  withStoreFlags(
    store.command("compact").description("give the space of removed publications back to the disk"),
  )
    .addHelpText(
      "after",
      `
No server may use the store. It needs room for a second index meanwhile.

Examples:
  $ holdfast store compact
`,
    )
    .action(async (flags: StoreFlags) => {
      const folder = await folderOf(flags);
      const onError = (error: unknown) => writeNote(`holdfast: ${(error as Error).message}`);
      const { before, after } = await compactStore(folder, onError);
      if (flags.json) return writeResult({ folder, before, after });
      writeText(`${folder}: the index has ${inMiB(after)}, and had ${inMiB(before)}`);
    });
}

/** @throws HF_CLI_USAGE without a folder */
async function folderOf({ data, config }: StoreFlags): Promise<string> {
  const folder =
    data ?? (await loadWithFlags({ ...(config !== undefined && { config }) })).settings.get("data")?.value;
  if (typeof folder === "string" && folder !== "memory") return folder;
  throw new HoldfastError("HF_CLI_USAGE", "there is no store in memory; name its folder with --data");
}

function isoOf(time: number): string {
  return new Date(time).toISOString();
}

function toTime(text: string): number {
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw new InvalidArgumentError("It must be a time, such as 2026-05-01T08:30:00Z.");
  return time;
}

function plain(text: string): string {
  return text.replace(/\p{Cc}/gu, "?");
}

const noteMs = 5000;
const redrawMs = 100;

/** Shows how far long work is: in place on a terminal, else as a line now and then. */
async function watched<T>(
  done: string,
  unit: "bytes" | "channels",
  work: (onProgress: CopyProgress) => Promise<T>,
): Promise<T> {
  const { stderr } = process;
  let shownAt = Date.now();
  let isShown = false;
  const show: CopyProgress = (count, total) => {
    const isDue = Date.now() - shownAt >= (stderr.isTTY ? redrawMs : noteMs);
    if (!isDue || total === 0) return;
    shownAt = Date.now();
    const amount = unit === "bytes" ? `${inMiB(count)} of ${inMiB(total)}` : `${count} of ${total} ${unit}`;
    const line = `${done} ${amount} (${Math.min(100, Math.floor((100 * count) / total))} %)`;
    if (!stderr.isTTY) return writeNote(`holdfast: ${line}`);
    isShown = true;
    stderr.write(`\r\u001b[K${line}`);
  };
  try {
    return await work(show);
  } finally {
    if (isShown) stderr.write("\r\u001b[K");
  }
}
