/** Reads a store from outside, without changing it, even while a server writes to it. */
import * as fs from "node:fs";
import { join, resolve } from "node:path";
import type { HistoryPage, HistoryQuery } from "../../channels/log.js";
import { Quota } from "../../channels/quota.js";
import { HoldfastError, messageOf } from "../../errors.js";
import { ChannelLog } from "./channel-log.js";
import { decodeRuns, type Run } from "./format.js";
import { journalNumbers, journalPath, readJournal } from "./journal.js";
import type { SharedByLogs } from "./loaded-logs.js";
import { LogIndex } from "./log-index.js";
import { probeIndex } from "./store-check.js";
import { readMarker } from "./store-marker.js";
import { OwnerUse } from "./store-room.js";

/** The oldest journal file may be removed during a read: then the index has its contents. */
const attempts = 3;

/**
 * A page of a channel's current history.
 * @param now Unix milliseconds, to skip what has expired
 * @returns undefined if the store has no such channel
 * @throws HF_STORE_OPEN if there is no store; HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export async function readStore(
  folder: string,
  channel: string,
  query: HistoryQuery,
  now: number,
): Promise<HistoryPage | undefined> {
  const path = resolve(folder);
  const indexPath = join(path, "data.mdb");
  if (!fs.existsSync(path) || readMarker(path) === undefined || !fs.existsSync(indexPath))
    throw new HoldfastError("HF_STORE_OPEN", `there is no store in ${path}`);
  await probeIndex({ folder: path, path: indexPath, isReadOnly: true });
  // What is written to the index after this is in the journal, too.
  const runs = readRuns(path, channel);
  const index = await LogIndex.open(path, { isReadOnly: true });
  try {
    return logOf(channel, runs, index, now)?.read(query, now);
  } finally {
    await index.close();
  }
}

const uncounted = { max: Number.POSITIVE_INFINITY, userPercent: 100, what: "channels", option: "" };

function readRuns(folder: string, channel: string): Run[] {
  for (let attempt = 1; ; attempt++) {
    try {
      return journalNumbers(folder)
        .flatMap((number) => readJournal(journalPath(folder, number)).frames)
        .flatMap(decodeRuns)
        .filter((run) => run.channel === channel);
    } catch (cause) {
      const isGone = (cause as NodeJS.ErrnoException).code === "ENOENT";
      if (isGone && attempt < attempts) continue;
      throw new HoldfastError(
        "HF_STORE_OPEN",
        `the journal in ${folder} cannot be read: ${messageOf(cause)}`,
        {
          cause,
        },
      );
    }
  }
}

function logOf(channel: string, runs: readonly Run[], index: LogIndex, now: number): ChannelLog | undefined {
  const record = index.channel(channel);
  const start = record ?? runs[0];
  if (start === undefined) return undefined;
  const shared: SharedByLogs = {
    index,
    metaTtlMs: 0,
    room: { unstored: new Quota(uncounted), owners: new OwnerUse(index), addTailBytes: () => {} },
    onDamage: () => {},
  };
  const { epoch, since, run } = start;
  const log = new ChannelLog({ name: channel, epoch, since, run, now }, shared);
  if (record) log.load(record);
  for (const each of runs) log.replay(each);
  return log;
}
