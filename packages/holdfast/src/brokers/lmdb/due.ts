/** When a log has to be looked at again though nobody uses it: in periods, so that few of them are written. */
import type { ChannelLog } from "./channel-log.js";

const periodMs = 10_000;
/** Ages longer than this are looked at in between, too: a short one may follow. */
const longestMs = 24 * 60 * 60 * 1000;

export function periodAt(time: number): number {
  return Math.floor(time / periodMs);
}

/**
 * The period after the one in which the log's oldest publication or its first key will have expired, or the log can be
 * forgotten.
 */
export function duePeriodOf(log: ChannelLog, now: number): number {
  const { metaTtlMs } = log.shared;
  if (log.isEmpty) return periodAt(log.usedAt + metaTtlMs) + 1;
  const { nextExpiry = Number.POSITIVE_INFINITY } = log.keyed?.state ?? {};
  const hasPublications = log.first <= log.head;
  const oldest = hasPublications ? log.oldestTime : now;
  const ttlMs = hasPublications ? (log.retention?.ttlMs ?? longestMs) : longestMs;
  return periodAt(Math.min(oldest + Math.min(ttlMs, longestMs), nextExpiry)) + 1;
}
