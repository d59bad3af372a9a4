/** What a store holds, by pattern of channel names: for `holdfast store inspect`. Reads each log's record and both its ends, not all of it. */
import * as fs from "node:fs";
import { decodeRuns, sizeOf, timeAt } from "./format.js";
import type { LogIndex } from "./log-index.js";
import { findRunningOwner } from "./store-folder.js";
import { channelPages, nextTurn, type StoreView, viewStore } from "./store-view.js";

/** What a channel, or all channels of a pattern, have in the store. */
export interface StoredAmount {
  readonly publications: number;
  /** Keys of maps. */
  readonly keys: number;
  /** Of publications and values, as retention counts them. */
  readonly bytes: number;
  /** Time of the oldest publication, Unix milliseconds. */
  readonly oldest?: number;
}

export interface StoreReport {
  readonly folder: string;
  /** Version of the store's format. */
  readonly format: number;
  /** How often the store was opened. */
  readonly runs: number;
  /** Whether the last server has written everything to the index. */
  readonly isClean: boolean;
  /** Process id of the server that uses the store; undefined if none does. */
  readonly server?: number;
  readonly index: { readonly bytes: number; readonly usedBytes: number };
  readonly journal: {
    readonly files: number;
    readonly bytes: number;
    /** Publications that the index does not have yet. */
    readonly pending: number;
  };
  readonly channels: number;
  readonly total: StoredAmount;
  /** The largest first. */
  readonly patterns: readonly (StoredAmount & { readonly pattern: string; readonly channels: number })[];
  /** The largest first. */
  readonly largest: readonly (StoredAmount & { readonly channel: string })[];
}

export interface DescribeStoreOptions {
  /** The pattern that a channel belongs to. @default what comes before the first colon */
  readonly patternOf?: (channel: string) => string;
  /** Number of largest channels. @default 10 */
  readonly largest?: number;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Names without a colon may be as many as there are channels. */
const maxPatterns = 500;
const others = "(others)";
const ownName = /^\p{Cc}/u;

/**
 * Reads a store, even while a server uses it.
 * @throws HF_STORE_OPEN if there is no store; HF_STORE_CORRUPT, HF_STORE_NEWER
 */
export async function describeStore(
  folder: string,
  options: DescribeStoreOptions = {},
): Promise<StoreReport> {
  return await viewStore(folder, (view) => reportOf(view, options));
}

async function reportOf(view: StoreView, options: DescribeStoreOptions): Promise<StoreReport> {
  const { marker, index, journal } = view;
  const { patternOf = defaultPatternOf, largest = 10, onProgress } = options;
  const pending = await pendingOf(view);
  const unwritten = [...pending.values()].reduce((sum, { publications }) => sum + publications, 0);
  const patterns = new Map<string, Amount & { channels: number }>();
  const all = new Amount();
  let top: { readonly channel: string; readonly amount: Amount }[] = [];
  let channels = 0;
  const add = (channel: string, amount: Amount) => {
    channels++;
    all.add(amount);
    const named = ownName.test(channel) ? "(of the server)" : patternOf(channel);
    const pattern = patterns.has(named) || patterns.size < maxPatterns ? named : others;
    const sum = patterns.get(pattern) ?? Object.assign(new Amount(), { channels: 0 });
    sum.channels++;
    sum.add(amount);
    patterns.set(pattern, sum);
    top.push({ channel, amount });
    if (top.length > 2 * largest + 100) top = top.sort(byBytes).slice(0, largest);
  };
  const total = index.channelCount;
  for await (const names of channelPages(index)) {
    for (const name of names) {
      const amount = amountOf(index, name);
      amount.add(pending.get(name) ?? nothing);
      pending.delete(name);
      add(name, amount);
    }
    onProgress?.(channels, total);
  }
  for (const [name, amount] of pending) add(name, amount);
  const owner = await findRunningOwner(view.folder);
  return {
    folder: view.folder,
    format: marker.format,
    runs: marker.run,
    isClean: marker.isClean,
    ...(owner && { server: owner.pid }),
    index: { bytes: fs.statSync(`${view.folder}/data.mdb`).size, usedBytes: index.usedBytes },
    journal: {
      files: journal.length,
      bytes: journal.reduce((sum, { bytes }) => sum + bytes, 0),
      pending: unwritten,
    },
    channels,
    total: all.plain(),
    patterns: [...patterns]
      .sort(([, a], [, b]) => b.bytes - a.bytes)
      .map(([pattern, sum]) => ({ pattern, channels: sum.channels, ...sum.plain() })),
    largest: top
      .sort(byBytes)
      .slice(0, largest)
      .map(({ channel, amount }) => ({ channel: plainName(channel), ...amount.plain() })),
  };
}

function byBytes(a: { readonly amount: Amount }, b: { readonly amount: Amount }): number {
  return b.amount.bytes - a.amount.bytes;
}

function defaultPatternOf(channel: string): string {
  const colon = channel.indexOf(":");
  return colon < 0 ? channel : `${channel.slice(0, colon)}:*`;
}

function plainName(channel: string): string {
  return channel.replace(/\p{Cc}/gu, "");
}

type Addend = Pick<Amount, "publications" | "keys" | "bytes" | "oldest">;

class Amount {
  publications = 0;
  keys = 0;
  bytes = 0;
  oldest: number | undefined;

  add({ publications, keys, bytes, oldest }: Addend): void {
    this.publications += publications;
    this.keys += keys;
    this.bytes += bytes;
    if (oldest !== undefined) this.oldest = Math.min(this.oldest ?? oldest, oldest);
  }

  plain(): StoredAmount {
    const { publications, keys, bytes, oldest } = this;
    return { publications, keys, bytes, ...(oldest !== undefined && { oldest }) };
  }
}

const nothing: Addend = { publications: 0, keys: 0, bytes: 0, oldest: undefined };

/** What the index has of a log. */
function amountOf(index: LogIndex, name: string): Amount {
  const amount = new Amount();
  const record = index.channel(name);
  const first = index.firstSegment(name);
  if (record === undefined) return amount;
  if (first !== undefined && !("isDamaged" in first)) {
    amount.publications = Math.max(0, record.head - first.first + 1);
    amount.bytes = Math.max(0, record.bytes - first.before);
    amount.oldest = timeAt(first.index, 0);
  }
  if (record.retention?.keys)
    for (const { publication } of index.values(name, () => {})) {
      amount.keys++;
      amount.bytes += sizeOf(publication);
    }
  return amount;
}

/** By channel, what only the journal has. */
async function pendingOf({ index, journal }: StoreView): Promise<Map<string, Amount>> {
  const pending = new Map<string, Amount>();
  const heads = new Map<string, number>();
  for (const { frames } of journal)
    for (const frame of frames) {
      for (const { channel, since, publications } of decodeRuns(frame)) {
        const record = index.channel(channel);
        if (record !== undefined && record.since > since) continue;
        const head = heads.get(channel) ?? (record?.since === since ? record.head : 0);
        const later = publications.filter(({ offset }) => offset > head);
        if (later.length === 0) continue;
        heads.set(channel, later.at(-1)?.offset ?? head);
        const amount = pending.get(channel) ?? new Amount();
        const bytes = later.reduce((sum, publication) => sum + sizeOf(publication), 0);
        amount.add({ ...nothing, publications: later.length, bytes, oldest: later[0]?.time });
        pending.set(channel, amount);
      }
      await nextTurn();
    }
  return pending;
}
