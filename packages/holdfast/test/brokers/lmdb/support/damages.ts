/** Stores with something in index and journal, and what may happen to their files. */
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { countTo } from "../../../../../../test/conformance/broker/fixture.js";
import { PublicationRecord, publicationOf } from "./record.js";
import { crashCopyOf, createFolder, journalFilesOf, openBroker } from "./store.js";

export const channels = ["news", "sport", "weather"];

/** A store with publications in the index, and, after a crash, in the journal. */
export async function createStore(ending: "close" | "crash") {
  const folder = createFolder();
  const earlier = await openBroker(folder);
  await earlier.broker.close();
  const record = new PublicationRecord();
  const { broker, checkpoint } = await openBroker(folder);
  for (const n of countTo(60)) await record.publish(broker.log, channels[n % 3] ?? "", publicationOf(n));
  await checkpoint();
  if (ending === "close") {
    await broker.close();
    return { folder, record };
  }
  for (const n of countTo(90, 61)) await record.publish(broker.log, channels[n % 3] ?? "", publicationOf(n));
  return { folder: crashCopyOf(folder), record };
}

export function indexOf(folder: string): string {
  return join(folder, "data.mdb");
}

export interface Damage {
  readonly name: string;
  readonly ending: "close" | "crash";
  /** What the message names. */
  readonly file: string;
  readonly damage: (folder: string) => void;
}

const cutTo = (size: number | ((whole: number) => number)) => (folder: string) => {
  const path = indexOf(folder);
  const whole = readFileSync(path).length;
  truncateSync(path, typeof size === "number" ? size : size(whole));
};

function overwriteIndex(folder: string, from: number, to: number): void {
  const bytes = readFileSync(indexOf(folder));
  for (let at = from; at < Math.min(to, bytes.length); at++) bytes[at] = (at * 7919 + 13) & 0xff;
  writeFileSync(indexOf(folder), bytes);
}

function flipInJournal(folder: string, find: (length: number) => number): void {
  const path = journalFilesOf(folder).at(-1) ?? "";
  const bytes = readFileSync(path);
  const at = find(bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

export const damages: readonly Damage[] = [
  ...["", "{", "null", "[]", '"text"', "{}", '{"format":"1"}', "\u0000".repeat(200)].map(
    (text): Damage => ({
      name: `a marker of ${JSON.stringify(text.slice(0, 12))}`,
      ending: "close",
      file: "holdfast.json",
      damage: (folder) => writeFileSync(join(folder, "holdfast.json"), text),
    }),
  ),
  {
    name: "no marker",
    ending: "crash",
    file: "holdfast.json",
    damage: (folder) => rmSync(join(folder, "holdfast.json")),
  },
  { name: "an index cut to nothing", ending: "close", file: "data.mdb", damage: cutTo(0) },
  { name: "an index cut within its first page", ending: "close", file: "data.mdb", damage: cutTo(100) },
  { name: "an index cut to one page", ending: "close", file: "data.mdb", damage: cutTo(4096) },
  { name: "an index cut to two pages", ending: "crash", file: "data.mdb", damage: cutTo(8192) },
  { name: "an index cut in the middle", ending: "close", file: "data.mdb", damage: cutTo(40_000) },
  {
    name: "an index of random bytes",
    ending: "close",
    file: "data.mdb",
    damage: (folder) => overwriteIndex(folder, 0, 2 ** 30),
  },
  {
    name: "an index whose first pages are random bytes",
    ending: "crash",
    file: "data.mdb",
    damage: (folder) => overwriteIndex(folder, 0, 8192),
  },
  {
    name: "an index of random bytes behind its first two pages",
    ending: "close",
    file: "data.mdb",
    damage: (folder) => overwriteIndex(folder, 8192, 2 ** 30),
  },
  {
    name: "an index that is missing",
    ending: "close",
    file: "data.mdb",
    damage: (folder) => rmSync(indexOf(folder)),
  },
  {
    name: "an index that is missing after a crash",
    ending: "crash",
    file: "data.mdb",
    damage: (folder) => rmSync(indexOf(folder)),
  },
  {
    name: "a bit changed in the middle of the journal",
    ending: "crash",
    file: "journal-",
    damage: (folder) => flipInJournal(folder, (length) => Math.floor(length / 2)),
  },
  {
    name: "a bit changed in the journal's first length",
    ending: "crash",
    file: "journal-",
    damage: (folder) => flipInJournal(folder, () => 0),
  },
];
