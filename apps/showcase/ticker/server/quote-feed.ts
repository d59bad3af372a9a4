/**
 * The generated feed: lets the made-up market walk, and publishes what changes. Only while somebody reads it, and no faster
 * than the server takes it.
 */
import type { Repeat } from "../../server/part.js";
import { Watch } from "../../server/watch.js";
import { Market } from "./market.js";
import type { Quote, QuotesSnapshot, SymbolHistory } from "./ticker-types.js";

export interface QuoteFeedOptions {
  readonly publish: (quote: Quote) => Promise<unknown>;
  /** How many are subscribed. */
  readonly count: () => Promise<number>;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly repeat: Repeat;
  readonly onError: (error: unknown) => void;
  /** The same makes the same walk. @default 7 */
  readonly seed?: number;
}

const tickMs = 50;
const changesPerTick = 22;
const changesPerSecond = (changesPerTick * 1000) / tickMs;
const lingerMs = 15_000;

export class QuoteFeed {
  readonly #options: QuoteFeedOptions;
  readonly #seed: number;
  readonly #market: Market;
  readonly #watch: Watch;
  #timers: readonly (() => void)[] = [];
  #startedAt = 0;
  /** Whether the last tick's publications have not all been taken. */
  #isBusy = false;

  constructor(options: QuoteFeedOptions) {
    const { count, now, repeat, onError, seed = 7 } = options;
    this.#options = options;
    this.#seed = seed;
    this.#market = new Market(seed);
    this.#watch = new Watch({
      ...{ count, now, repeat, onError, lingerMs },
      begin: () => this.#begin(),
      end: () => this.#end(),
    });
  }

  get isRunning(): boolean {
    return this.#watch.isRunning;
  }

  start(): void {
    this.#watch.open();
  }

  stop(): void {
    this.#watch.close();
  }

  /** Somebody subscribes, or is about to. */
  arrive(): void {
    this.#watch.arrive();
  }

  /** All of it, but the position that it goes with: which has to be asked for before. */
  snapshot(): Omit<QuotesSnapshot, "position"> {
    return {
      ...{ seed: this.#seed, changesPerSecond, lingerMs, startedAt: this.#startedAt },
      quotes: this.#market.snapshot(),
    };
  }

  historyOf(symbol: string): SymbolHistory | undefined {
    return this.#market.historyOf(symbol);
  }

  #begin(): void {
    const { now, repeat } = this.#options;
    this.#startedAt = now();
    this.#market.catchUp(now(), changesPerSecond);
    this.#timers = [repeat(tickMs, () => void this.#tick()), repeat(1000, () => this.#market.record(now()))];
  }

  #end(): void {
    for (const end of this.#timers) end();
    this.#timers = [];
  }

  /** Publishes of one symbol come one after the other: a tick that comes too soon is left out. */
  async #tick(): Promise<void> {
    if (this.#isBusy) return;
    const { publish, now, onError } = this.#options;
    this.#isBusy = true;
    try {
      await Promise.all(this.#market.step(changesPerTick, now()).map(publish));
    } catch (error) {
      // It would be the same again at the next tick: whoever comes then begins it anew.
      if (this.isRunning) onError(error);
      this.#watch.rest();
    } finally {
      this.#isBusy = false;
    }
  }
}
