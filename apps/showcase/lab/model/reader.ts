/** A reader in this browser: a place in the channel, what came, and coming back after a loss. */
import type { BenchMessage } from "../server/protocol.js";
import type { Tally } from "./tally.js";

export interface ReaderContext {
  /** Of the server, such as `http://127.0.0.1:4711`. */
  readonly base: string;
  readonly channel: string;
  readonly intervalMs: number;
  readonly tally: Tally;
  readonly fetch: typeof fetch;
  readonly EventSource: new (url: string) => EventSource;
  readonly WebSocket: new (url: string) => WebSocket;
  /** Returns what calls it off. */
  readonly later: (delayMs: number, task: () => void) => () => void;
  readonly random: () => number;
  /** Milliseconds of any clock that goes evenly. */
  readonly now: () => number;
  readonly onChange: () => void;
}

export interface Publication {
  readonly offset: number;
  readonly epoch?: string;
  readonly data: BenchMessage;
}

const comebackMs = 200;

export abstract class Reader {
  protected readonly context: ReaderContext;
  protected epoch: string | undefined;
  protected offset = 0;
  protected isOver = false;
  isOpen = false;
  #cancel = () => {};
  #whenOpen: () => void = () => {};
  readonly opened: Promise<void>;

  constructor(context: ReaderContext) {
    this.context = context;
    this.opened = new Promise((resolve) => {
      this.#whenOpen = resolve;
    });
  }

  /** Begins, and again from its position after a loss. */
  abstract start(): void;

  stop(): void {
    this.isOver = true;
    this.#cancel();
    this.release();
  }

  /** Lets go of what is open. */
  protected abstract release(): void;

  protected get since(): string {
    return this.epoch === undefined ? ":0" : `${this.epoch}:${this.offset}`;
  }

  protected get channelUrl(): string {
    return `${this.context.base}/channels/${encodeURIComponent(this.context.channel)}`;
  }

  protected open(): void {
    if (this.isOpen) return;
    this.isOpen = true;
    this.#whenOpen();
    this.context.onChange();
  }

  protected take({ offset, epoch, data }: Publication): void {
    if (epoch !== undefined) this.epoch = epoch;
    if (offset > this.offset) this.offset = offset;
    this.context.tally.take(data);
    this.context.onChange();
  }

  /** The connection is gone: comes back soon, where it was. */
  protected lost(why: string): void {
    if (this.isOver) return;
    const { tally } = this.context;
    if (this.isOpen) {
      tally.cuts += 1;
      tally.reconnects += 1;
    } else tally.fail(why);
    this.after(comebackMs * (0.5 + this.context.random()), () => this.start());
  }

  /** One thing at a time. */
  protected after(delayMs: number, task: () => void): void {
    this.#cancel();
    this.#cancel = this.context.later(delayMs, () => {
      if (!this.isOver) task();
    });
  }
}
