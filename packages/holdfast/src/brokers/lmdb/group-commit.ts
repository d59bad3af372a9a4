/**
 * Writes publications to the journal and acknowledges them: those of a turn, or those that came during the previous write, go into one
 * write. For durability `disk`, one flush follows for all that wait. Readers get a publication when it is acknowledged, so that
 * nobody sees one that may still be lost.
 */
import type {
  Durability,
  LogEvents,
  NewPublication,
  PublishOptions,
  PublishResult,
  Retention,
  SuppressReason,
} from "../../channels/log.js";
import type { HoldfastError } from "../../errors.js";
import type { StoreMeter } from "../../observe/meters.js";
import type { Publication } from "../../wire/messages.js";
import { payloadSize } from "../../wire/payload.js";
import type { ChannelLog, LogMark } from "./channel-log.js";
import { encodeRuns, type Run, type RunKey, sizeOf } from "./format.js";
import type { SentKey } from "./idempotency-keys.js";
import type { Journal, ReserveJournal } from "./journal.js";
import { toStoreError } from "./store-errors.js";

export interface GroupCommitOptions {
  readonly journal: Journal;
  /** For publications that must not be lost when the journal's disk is full. */
  readonly reserve: ReserveJournal;
  readonly onPublication: LogEvents["onPublication"];
  readonly isSubscribed: (channel: string) => boolean;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** Monotonic milliseconds. */
  readonly elapsed: () => number;
  readonly meter: StoreMeter;
  /** Runs the callback once, after the events of this turn. */
  readonly schedule: (run: () => void) => void;
  /** The channel's log has grown, or has a new record. */
  readonly onGrown: (log: ChannelLog) => void;
  /** A new log's first publication was refused. */
  readonly onDropped: (log: ChannelLog) => void;
  /** It is unknown what was written, so nothing may be acknowledged any more. */
  readonly onBroken: (error: unknown) => void;
}

/** What to write for a log: a publication, or that one was suppressed. */
export interface Write {
  readonly log: ChannelLog;
  readonly publication?: NewPublication | undefined;
  readonly options?: PublishOptions | undefined;
  readonly key?: SentKey | undefined;
  readonly suppressed?: SuppressReason | undefined;
}

/** A publish that waits for its acknowledgement. */
interface Waiting {
  readonly log: ChannelLog;
  readonly publication: Omit<Publication, "offset" | "time"> | undefined;
  readonly retention: Retention | undefined;
  /** The durability that publications of the log are acknowledged with from this one on. */
  readonly durability: Durability | undefined;
  /** Whether to wait for a flush. */
  readonly isFlushed: boolean;
  readonly key: SentKey | undefined;
  /** Why the publication was suppressed, if it was. */
  readonly suppressed: SuppressReason | undefined;
  /** Whether to write it to the reserve if the journal is full. */
  readonly isReserved: boolean;
  readonly resolve: (result: PublishResult) => void;
  readonly reject: (error: unknown) => void;
}

interface Placed {
  readonly waiting: Waiting;
  readonly isFlushed: boolean;
  readonly publication: Publication | undefined;
  /** Offset of the publication, or of the last one before it. */
  readonly offset: number;
}

type MutableRun = Omit<Run, "publications" | "keys"> & {
  readonly log: ChannelLog;
  readonly publications: Publication[];
  readonly keys: RunKey[];
  /** The log's state before this write. */
  readonly from: LogMark;
};

/** Most publications, and characters, of one write: each publication costs the event loop some µs. */
const maxWriteEntries = 1024;
const maxWriteCharacters = 2 * 1024 * 1024;
/** Most publications of one log that has readers: they get all at once, and have to keep up. */
const maxRunEntries = 256;

export class GroupCommit {
  readonly #options: GroupCommitOptions;
  #waiting: Waiting[] = [];
  /** Publishes that found no room in the journal, and go into the reserve next. */
  #spared: Waiting[] = [];
  #waitingCharacters = 0;
  #unflushed: Placed[] = [];
  #isScheduled = false;
  #isWriting = false;
  #isFlushing = false;
  #failure: unknown;
  #work: (() => Promise<void>) | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: GroupCommitOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#waiting.length + this.#spared.length + this.#unflushed.length;
  }

  /** Estimated memory of publications that wait to be written, in bytes. */
  get waitingBytes(): number {
    return 2 * this.#waitingCharacters;
  }

  /** @throws what `onBroken` got, and HF_BROKER_FULL */
  write({ log, publication, options, key, suppressed }: Write): Promise<PublishResult> {
    const durability = options && (options.durability ?? "process");
    return new Promise((resolve, reject) => {
      this.#add({
        log,
        publication,
        retention: publication && options?.retention,
        durability: publication && durability,
        isFlushed: durability === "disk",
        key,
        suppressed,
        isReserved: options?.isReserved === true,
        resolve,
        reject,
      });
    });
  }

  #add(waiting: Waiting): void {
    waiting.log.beginPublish();
    if (this.#failure) {
      this.#refuse([waiting], this.#failure);
      return;
    }
    this.#waiting.push(waiting);
    this.#waitingCharacters += charactersOf(waiting);
    this.#wake();
  }

  /** Resolves once nothing is pending. */
  idle(): Promise<void> {
    if (!this.#isWriting && !this.#isFlushing && this.pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#onIdle.push(resolve));
  }

  /** Runs work while the journal is neither written nor flushed. One at a time. */
  between(work: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#work = () => work().then(resolve, reject);
      this.#continue();
    });
  }

  #wake(): void {
    if (this.#isScheduled || this.#isWriting) return;
    this.#isScheduled = true;
    this.#options.schedule(() => {
      this.#isScheduled = false;
      if (!this.#isWriting && this.#work === undefined && this.#hasWaiting) void this.#write();
    });
  }

  get #hasWaiting(): boolean {
    return this.#waiting.length > 0 || this.#spared.length > 0;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    const runs = new Map<ChannelLog, MutableRun>();
    const isSpared = this.#spared.length > 0;
    const placed = isSpared ? this.#placeSpared(runs) : this.#placeWaiting(runs);
    const { journal, reserve, elapsed, meter } = this.#options;
    const startedAt = elapsed();
    try {
      await (isSpared ? reserve : journal).append(encodeRuns(toRuns(runs)));
      meter.committedIn(elapsed() - startedAt, placed.length);
      for (const { log } of runs.values()) log.markJournaled();
      if (this.#failure) this.#refuse(placed.map(toWaiting), this.#failure);
      else this.#written(placed);
    } catch (cause) {
      for (const { log, from } of runs.values()) log.revert(from);
      this.#refuse((isSpared ? placed : this.#spare(placed, cause)).map(toWaiting), cause);
    }
    this.#isWriting = false;
    this.#continue();
  }

  /** Keeps reserved publishes for the reserve. @returns those that must be refused */
  #spare(placed: readonly Placed[], cause: unknown): readonly Placed[] {
    if (toStoreError(cause).code !== "HF_BROKER_FULL") return placed;
    this.#spared = placed.map(({ waiting }) => waiting).filter(({ isReserved }) => isReserved);
    return placed.filter(({ waiting }) => !waiting.isReserved);
  }

  #placeSpared(runs: Map<ChannelLog, MutableRun>): Placed[] {
    const { placed, later } = this.#place(runs, this.#spared);
    this.#spared = later;
    // The reserve is flushed with each write.
    return placed.map((item) => ({ ...item, isFlushed: false }));
  }

  #placeWaiting(runs: Map<ChannelLog, MutableRun>): Placed[] {
    const { placed, later } = this.#place(runs, this.#waiting);
    this.#waiting = later;
    for (const { waiting } of placed) this.#waitingCharacters -= charactersOf(waiting);
    return placed;
  }

  #continue(): void {
    if (this.#unflushed.length > 0 && !this.#isFlushing) void this.#flush();
    if (this.#work !== undefined) {
      // Publishes that wait for a flush are in the old file, and are acknowledged before it is removed.
      if (!this.#isWriting && !this.#isFlushing) void this.#runWork(this.#work);
      return;
    }
    if (this.#hasWaiting) this.#wake();
    if (this.#isWriting || this.#isFlushing || this.pending > 0) return;
    for (const resolve of this.#onIdle.splice(0)) resolve();
  }

  async #runWork(work: () => Promise<void>): Promise<void> {
    this.#work = undefined;
    this.#isWriting = true;
    await work();
    this.#isWriting = false;
    this.#continue();
  }

  /** Assigns offsets to waiting publications, up to what one write takes. */
  #place(
    runs: Map<ChannelLog, MutableRun>,
    queue: readonly Waiting[],
  ): { readonly placed: Placed[]; readonly later: Waiting[] } {
    const time = this.#options.now();
    const placed: Placed[] = [];
    let characters = 0;
    const later: Waiting[] = [];
    for (const waiting of queue) {
      const { log, publication, key, suppressed } = waiting;
      const isFull = placed.length >= maxWriteEntries || characters > maxWriteCharacters;
      let run = runs.get(log);
      if (
        isFull ||
        (run && run.publications.length >= maxRunEntries && this.#options.isSubscribed(log.name))
      ) {
        later.push(waiting);
        continue;
      }
      if (run === undefined) {
        run = beginRun(log);
        runs.set(log, run);
      }
      if (waiting.retention) log.retain(waiting.retention);
      const isWeakened = waiting.durability !== undefined && log.weaken(waiting.durability);
      const isFlushed = waiting.isFlushed || isWeakened;
      const entry = publication && log.assign({ ...publication, time });
      const offset = log.next - 1;
      if (entry) run.publications.push(entry);
      if (key)
        run.keys.push(suppressed ? [key.name, offset, key.time, suppressed] : [key.name, offset, key.time]);
      placed.push({ waiting, isFlushed, publication: entry, offset });
      characters += charactersOf(waiting);
    }
    return { placed, later };
  }

  #written(placed: readonly Placed[]): void {
    for (const item of placed) {
      const { log } = item.waiting;
      // Later ones of the same log wait, too, to keep the order.
      if (item.isFlushed || log.awaitsFlush) {
        log.beginFlush();
        this.#unflushed.push(item);
      } else this.#acknowledge(item);
    }
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true;
    const items = this.#unflushed;
    this.#unflushed = [];
    const { journal, elapsed, meter } = this.#options;
    const startedAt = elapsed();
    try {
      await journal.flush();
      meter.flushedIn(elapsed() - startedAt);
      await this.#acknowledgeInTurns(items);
    } catch (cause) {
      // How much reached the disk is unknown: nothing is acknowledged, and the store becomes read-only.
      this.#refuse([...items, ...this.#unflushed.splice(0)].map(toWaiting), cause);
    }
    this.#isFlushing = false;
    this.#continue();
  }

  /** A flush may be for several writes, and readers have to keep up. */
  async #acknowledgeInTurns(items: readonly Placed[]): Promise<void> {
    for (let i = 0; i < items.length; i++) {
      if (i > 0 && i % maxRunEntries === 0)
        await new Promise<void>((resolve) => this.#options.schedule(resolve));
      const item = items[i] as Placed;
      item.waiting.log.endFlush();
      this.#acknowledge(item);
    }
  }

  #refuse(refused: readonly Waiting[], cause: unknown): void {
    const error = toStoreError(cause);
    if (error.code !== "HF_BROKER_FULL") this.fail(error);
    for (const { log, reject } of refused) {
      log.endPublish();
      if (!log.isKnown && !log.hasPending) this.#options.onDropped(log);
      reject(error);
    }
  }

  /** Stops acknowledging, for good. */
  fail(error: HoldfastError): void {
    if (this.#failure) return;
    this.#failure = error;
    this.#options.onBroken(error);
    this.#waitingCharacters = 0;
    this.#refuse([...this.#spared.splice(0), ...this.#waiting.splice(0)], error);
  }

  /** Makes the publication part of the log, and acknowledges it. */
  #acknowledge({ waiting, publication, offset }: Placed): void {
    const { log, resolve, suppressed } = waiting;
    log.endPublish();
    if (publication) {
      log.append(publication);
      if (this.#options.isSubscribed(log.name)) this.#options.onPublication(log.name, publication, log.epoch);
    }
    this.#options.onGrown(log);
    resolve({
      position: { epoch: log.epoch, offset },
      isDuplicate: false,
      ...(suppressed && { suppressed }),
    });
  }
}

function toWaiting({ waiting }: Placed): Waiting {
  return waiting;
}

/** Estimated characters of a publication in a write. */
function charactersOf({ publication }: Waiting): number {
  return (publication ? payloadSize(publication.data) : 0) + 100;
}

/** A run begins with publications that were acknowledged without being written. */
function beginRun(log: ChannelLog): MutableRun {
  const publications = log.unwritten();
  const first = publications[0]?.offset ?? log.next;
  return {
    log,
    channel: log.name,
    epoch: log.epoch,
    since: log.since,
    run: log.run,
    owner: log.owner,
    durability: log.durability,
    retention: log.retention,
    first,
    before: log.nextBytes - publications.reduce((sum, publication) => sum + sizeOf(publication), 0),
    publications,
    keys: [],
    from: log.mark(),
  };
}

/** Durability and retention as they are once all of the run's publications are placed. */
function* toRuns(runs: ReadonlyMap<ChannelLog, MutableRun>): Iterable<Run> {
  for (const run of runs.values())
    yield { ...run, durability: run.log.durability, retention: run.log.retention };
}
