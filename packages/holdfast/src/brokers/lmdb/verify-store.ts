/**
 * Checks everything in a store, for `holdfast store check`: that the journal and the index can be read, the checksums of all
 * publications and values, that logs have no holes, and that journal and index agree. A server may write to it meanwhile.
 */
import * as fs from "node:fs";
import { HoldfastError, messageOf } from "../../errors.js";
import type { Clock } from "../../time/clock.js";
import {
  bytesBefore,
  type ChannelRecord,
  countOf,
  decodeRuns,
  encodeEntries,
  publicationsOf,
  type Run,
} from "./format.js";
import type { LogIndex } from "./log-index.js";
import { inspectStore } from "./store-check.js";
import { findRunningOwner } from "./store-folder.js";
import { channelPages, findStore, nextTurn, viewStore } from "./store-view.js";

export interface StoreFault {
  /** Undefined if it concerns the store as a whole. */
  readonly channel?: string;
  /** As a sentence. */
  readonly text: string;
}

export interface StoreVerification {
  readonly folder: string;
  readonly channels: number;
  readonly publications: number;
  readonly values: number;
  /** Frames of the journal. */
  readonly frames: number;
  /** The first of them; empty for a store without a fault. */
  readonly faults: readonly StoreFault[];
  readonly faultCount: number;
}

export interface VerifyStoreOptions {
  readonly clock: Clock;
  readonly onProgress?: (done: number, total: number) => void;
}

const maxFaults = 1000;
/** A server that writes meanwhile may remove the oldest journal file between two reads. */
const attempts = 5;

/** @throws HF_STORE_OPEN if there is no store; HF_STORE_NEWER */
export async function verifyStore(folder: string, options: VerifyStoreOptions): Promise<StoreVerification> {
  const check = new Check(folder);
  if (await check.files(options.clock))
    await viewStore(folder, async ({ index, journal }) => {
      const total = index.channelCount;
      for await (const names of channelPages(index)) {
        for (const name of names) check.channel(index, name);
        options.onProgress?.(check.channels, total);
      }
      check.orphans(index);
      for (const { frames } of journal)
        for (const frame of frames) {
          check.frame(index, () => decodeRuns(frame));
          await nextTurn();
        }
    });
  return check.result();
}

class Check {
  readonly #folder: string;
  readonly #faults: StoreFault[] = [];
  #faultCount = 0;
  channels = 0;
  #publications = 0;
  #values = 0;
  #frames = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  result(): StoreVerification {
    const counts = {
      channels: this.channels,
      publications: this.#publications,
      values: this.#values,
      frames: this.#frames,
    };
    return { folder: this.#folder, ...counts, faults: this.#faults, faultCount: this.#faultCount };
  }

  /** Marker, index and journal as a start of a server checks them. @returns whether the rest can be read */
  async files(clock: Clock): Promise<boolean> {
    const folder = fs.realpathSync.native(findExisting(this.#folder));
    findStore(folder);
    const onNotice = () => {};
    for (let attempt = 1; ; attempt++) {
      try {
        await inspectStore({ folder, isRepair: false, clock, onNotice }, true);
        return true;
      } catch (error) {
        if (!(error instanceof HoldfastError) || error.code !== "HF_STORE_CORRUPT") throw error;
        if (attempt < attempts && (await findRunningOwner(folder))) continue;
        this.#found(undefined, error.message.replace(/\. Put back a copy of the folder.*$/s, ""));
        // Without the marker or a readable index there is nothing to compare.
        return await viewStore(folder, () => true).catch(() => false);
      }
    }
  }

  channel(index: LogIndex, name: string): void {
    this.channels++;
    let record: ChannelRecord | undefined;
    try {
      record = index.channel(name);
    } catch (error) {
      this.#found(name, `its record is not JSON (${messageOf(error)})`);
      return;
    }
    // Forgotten meanwhile.
    if (record === undefined) return;
    const head = this.#segments(index, name, record);
    if (!index.isDue(record.due, name)) this.#found(name, "no sweep is due, so that it would never expire");
    if (record.retention?.keys === undefined) return;
    const values = index.values(name, (key) => this.#found(name, `the value of key ${key} is damaged`));
    for (const { publication } of values) {
      this.#values++;
      if (publication.offset > head)
        this.#found(name, `the value of key ${publication.key} is at ${publication.offset}, beyond ${head}`);
    }
  }

  /** @returns the end of the log */
  #segments(index: LogIndex, name: string, record: ChannelRecord): number {
    let next: number | undefined;
    let bytes: number | undefined;
    for (const segment of index.segmentsFrom(name, 0)) {
      const { first } = segment;
      if (next !== undefined && first !== next)
        this.#found(name, `publications ${next} to ${first - 1} are missing`);
      if ("isDamaged" in segment) {
        this.#found(name, `publications from ${first} on fail their checksum`);
        next = undefined;
        bytes = undefined;
        continue;
      }
      try {
        this.#publications += publicationsOf(segment).length;
      } catch (error) {
        this.#found(name, `publications from ${first} on cannot be read (${messageOf(error)})`);
      }
      if (bytes !== undefined && segment.before !== bytes)
        this.#found(name, `at ${first} it counts ${segment.before} bytes instead of ${bytes}`);
      next = first + countOf(segment.index);
      bytes = bytesBefore(segment, next);
    }
    const head = Math.max((next ?? 1) - 1, record.head);
    if (next !== undefined && next <= record.head)
      this.#found(name, `publications ${next} to ${record.head} are missing`);
    return head;
  }

  /** What belongs to no channel would never be removed. */
  orphans(index: LogIndex): void {
    let last: string | undefined;
    for (const name of index.dataNames()) {
      if (name === last || index.channel(name) !== undefined) continue;
      last = name;
      this.#found(name, "it has publications, but no record");
    }
  }

  frame(index: LogIndex, decode: () => readonly Run[]): void {
    this.#frames++;
    try {
      for (const run of decode()) this.#compare(index, run);
    } catch (error) {
      this.#found(undefined, `frame ${this.#frames} of the journal cannot be read (${messageOf(error)})`);
    }
  }

  /** What both have must be the same. */
  #compare(index: LogIndex, { channel, since, publications }: Run): void {
    if (index.channel(channel)?.since !== since) return;
    for (const publication of publications) {
      const segment = index.segmentAt(channel, publication.offset);
      // Not brought to the index yet, or trimmed; damage was reported.
      if (segment === undefined || "isDamaged" in segment) continue;
      const place = publication.offset - segment.first;
      if (place >= countOf(segment.index)) continue;
      const stored = publicationsOf(segment)[place];
      if (stored && textOf(stored) !== textOf(publication)) {
        this.#found(channel, `publication ${publication.offset} differs between journal and index`);
        return;
      }
    }
  }

  #found(channel: string | undefined, text: string): void {
    this.#faultCount++;
    if (this.#faults.length < maxFaults)
      this.#faults.push(channel === undefined ? { text } : { channel, text });
  }
}

function textOf(publication: Parameters<typeof encodeEntries>[0][number]): string {
  const { index, body } = encodeEntries([publication]);
  return `${index.join()} ${body}`;
}

/** @throws HF_STORE_OPEN */
function findExisting(folder: string): string {
  if (fs.existsSync(folder)) return folder;
  throw new HoldfastError("HF_STORE_OPEN", `there is no store in ${folder}`);
}
