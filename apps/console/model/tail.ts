/**
 * The recent publications of a channel, newest first: a page of its history, older ones when asked for, and live ones while the tail
 * runs. Bounded: the oldest are dropped.
 */
import type { HistoryAnswer, PublicationAnswer, TailAnswer } from "./answers.js";
import { ApiProblem, type Caller, messageOf } from "./api.js";
import { Changes, type Later } from "./changes.js";

export interface Row extends PublicationAnswer {
  readonly epoch: string;
  /** Whether it came while the tail ran. */
  readonly isLive: boolean;
}

interface Place {
  readonly epoch: string;
  readonly offset: number;
}

const pageSize = 50;
const maxRows = 500;
const retryMs = 2000;
/** Error of a channel that keeps no history. */
const notAvailable = 108;

export class Tail extends Changes {
  readonly #caller: Caller;
  readonly #later: Later;
  readonly #channel: string;
  #rows: readonly Row[] = [];
  #position: Place | undefined;
  #problem: string | undefined;
  #hasOlder = false;
  #missed = 0;
  #isLoaded = false;
  #running: AbortController | undefined;
  #cancel: (() => void) | undefined;

  constructor(caller: Caller, channel: string, later: Later) {
    super();
    this.#caller = caller;
    this.#channel = channel;
    this.#later = later;
  }

  get rows(): readonly Row[] {
    return this.#rows;
  }

  get problem(): string | undefined {
    return this.#problem;
  }

  get hasOlder(): boolean {
    return this.#hasOlder;
  }

  get isLoaded(): boolean {
    return this.#isLoaded;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** How often publications were no longer kept when the tail asked for them. */
  get missed(): number {
    return this.#missed;
  }

  /** The newest page, in place of what is shown. */
  async load(): Promise<void> {
    await this.#try(async () => {
      const { publications, epoch, offset } = await this.#history({ limit: pageSize, reverse: true });
      this.#rows = publications.map((publication) => ({ ...publication, epoch, isLive: false }));
      this.#position = { epoch, offset };
      this.#hasOlder = publications.length === pageSize && (publications.at(-1)?.offset ?? 0) > 1;
    });
    this.#isLoaded = true;
    this.changed();
  }

  async loadOlder(): Promise<void> {
    const oldest = this.#rows.at(-1);
    if (oldest === undefined) return;
    const since = { epoch: oldest.epoch, offset: oldest.offset };
    await this.#try(async () => {
      const { publications, epoch } = await this.#history({ limit: pageSize, reverse: true, since });
      const older = publications.filter(({ offset }) => offset < oldest.offset);
      this.#rows = [...this.#rows, ...older.map((each) => ({ ...each, epoch, isLive: false }))];
      this.#hasOlder = older.length > 0 && (older.at(-1)?.offset ?? 0) > 1 && this.#rows.length < maxRows;
    });
    this.changed();
  }

  start(): void {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#run(this.#running);
    this.changed();
  }

  stop(): void {
    this.#running?.abort();
    this.#running = undefined;
    this.#cancel?.();
    this.changed();
  }

  async #run(running: AbortController): Promise<void> {
    while (this.#running === running) {
      try {
        const since = this.#position;
        const params = { channel: this.#channel, ...(since && { since }) };
        const answer = await this.#caller.call<TailAnswer>("tail", params, running.signal);
        if (this.#running !== running) return;
        this.#receive(answer, since);
      } catch (error) {
        if (this.#running !== running) return;
        this.#problem = messageOf(error);
        this.changed();
        await new Promise<void>((resolve) => {
          this.#cancel = this.#later(retryMs, resolve);
        });
      }
    }
  }

  #receive({ publications, epoch, offset, recovered }: TailAnswer, since: Place | undefined): void {
    this.#position = { epoch, offset };
    this.#problem = undefined;
    if (!recovered && since !== undefined) this.#missed++;
    if (publications.length === 0 && recovered) return;
    // Publications of live channels have no offset of their own.
    const offsetOf = (i: number) => offset - publications.length + 1 + i;
    const newest = publications
      .map((each, i) => ({ ...each, offset: each.offset ?? offsetOf(i), epoch, isLive: true }))
      .reverse();
    this.#rows = [...newest, ...this.#rows].slice(0, maxRows);
    this.changed();
  }

  async #history(params: object): Promise<HistoryAnswer> {
    return await this.#caller.call<HistoryAnswer>("history", { channel: this.#channel, ...params });
  }

  async #try(task: () => Promise<void>): Promise<void> {
    try {
      await task();
      this.#problem = undefined;
    } catch (error) {
      this.#hasOlder = false;
      this.#problem =
        error instanceof ApiProblem && error.code === notAvailable
          ? "This channel keeps no history. Follow it to see what comes."
          : messageOf(error);
    }
  }
}
