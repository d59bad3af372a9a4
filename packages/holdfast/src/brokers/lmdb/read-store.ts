/** Reads a page of a channel's history from a store, without changing it, even while a server writes to it. */
import type { HistoryPage, HistoryQuery } from "../../channels/log.js";
import { Quota } from "../../channels/quota.js";
import { ChannelLog } from "./channel-log.js";
import { decodeRuns, type Run } from "./format.js";
import type { SharedByLogs } from "./loaded-logs.js";
import type { LogIndex } from "./log-index.js";
import { OwnerUse } from "./store-room.js";
import { viewStore } from "./store-view.js";

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
  return await viewStore(folder, ({ journal, index }) => {
    const runs = journal
      .flatMap(({ frames }) => frames)
      .flatMap(decodeRuns)
      .filter((run) => run.channel === channel);
    return logOf(channel, runs, index, now)?.read(query, now);
  });
}

const uncounted = { max: Number.POSITIVE_INFINITY, userPercent: 100, what: "channels", option: "" };

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
