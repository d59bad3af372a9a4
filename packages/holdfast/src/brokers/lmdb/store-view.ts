/** A store seen from outside: its marker, its index read-only, and what its journal has, even while a server writes to it. */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import { MessageChannel } from "node:worker_threads";
import { HoldfastError, messageOf } from "../../errors.js";
import { type JournalContents, journalNumbers, journalPath, readJournal } from "./journal.js";
import { LogIndex } from "./log-index.js";
import { probeIndex } from "./store-check.js";
import { type Marker, readMarker } from "./store-marker.js";

export interface StoreView {
  readonly folder: string;
  readonly marker: Marker;
  readonly index: LogIndex;
  /** Read before the index was opened: what is written to the index after this is in the journal, too. */
  readonly journal: readonly JournalContents[];
}

/** The oldest journal file may be removed during a read: then the index has its contents. */
const attempts = 3;

/**
 * @throws HF_STORE_OPEN if there is no store, or its journal cannot be read; HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export async function viewStore<T>(
  folder: string,
  use: (view: StoreView) => T | Promise<T>,
): Promise<Awaited<T>> {
  const path = resolve(folder);
  const { marker, indexPath } = findStore(path);
  await probeIndex({ folder: path, path: indexPath, isReadOnly: true });
  const journal = readJournalFiles(path);
  const index = await LogIndex.open(path, { isReadOnly: true });
  try {
    return await use({ folder: path, marker, index, journal });
  } finally {
    await index.close();
  }
}

/** @throws HF_STORE_OPEN if there is no store; HF_STORE_CORRUPT, HF_STORE_NEWER */
export function findStore(folder: string): { readonly marker: Marker; readonly indexPath: string } {
  const indexPath = join(folder, "data.mdb");
  const marker = fs.existsSync(folder) ? readMarker(folder) : undefined;
  if (marker === undefined || !fs.existsSync(indexPath))
    throw new HoldfastError("HF_STORE_OPEN", `there is no store in ${folder}`);
  return { marker, indexPath };
}

function readJournalFiles(folder: string): JournalContents[] {
  for (let attempt = 1; ; attempt++) {
    try {
      return journalNumbers(folder).map((number) => readJournal(journalPath(folder, number)));
    } catch (cause) {
      const isGone = (cause as NodeJS.ErrnoException).code === "ENOENT";
      if (isGone && attempt < attempts) continue;
      throw new HoldfastError(
        "HF_STORE_OPEN",
        `the journal in ${folder} cannot be read: ${messageOf(cause)}`,
        { cause },
      );
    }
  }
}

/** Channels of one turn of the event loop. */
const channelsAtOnce = 200;

/** Names of all channels in the index, some at a time, so that signals and progress have their turns. */
export async function* channelPages(index: LogIndex): AsyncGenerator<readonly string[]> {
  let after = "";
  for (;;) {
    const names = index.channelNamesAfter(after, channelsAtOnce);
    if (names.length === 0) return;
    yield names;
    after = names.at(-1) as string;
    await nextTurn();
  }
}

/** Long work lets signals, timers and sockets have their turn. */
export function nextTurn(): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  return new Promise((resolve) => {
    port1.once("message", () => {
      port1.close();
      resolve();
    });
    port2.postMessage(undefined);
  });
}
