/** The ticker: all quotes, the one that was chosen, this machine's meters, and a reader that can be slow. */
import { readServerError } from "../../shared/line/server-error.js";
import type { MachineSample, Metric, Quote, QuotesSnapshot, SymbolHistory } from "../server/ticker-types.js";
import { Machine } from "./machine.js";
import { QuoteBook } from "./quote-book.js";
import { QuoteReader } from "./quote-reader.js";
import { type NextFrame, RowPainter } from "./row-painter.js";
import { PriceSeries } from "./series.js";

export interface TickerOptions {
  readonly link: TickerLink;
  readonly clock: () => number;
  readonly nextFrame: NextFrame;
  /** Runs a task after a time; returns what prevents that. */
  readonly later: (delayMs: number, task: () => void) => () => void;
}

export class Ticker {
  readonly book = new QuoteBook();
  readonly painter: RowPainter;
  readonly reader: QuoteReader;
  readonly machine: Machine;
  readonly prices = new PriceSeries();
  readonly #options: TickerOptions;
  readonly #listeners = new Set<() => void>();
  readonly #chartListeners = new Set<() => void>();
  #feed: QuotesSnapshot | undefined;
  #chosen: string | undefined;
  #problem: string | undefined;
  #isAsking = false;
  #hasNewPrice = false;
  #unwatch: (() => void) | undefined;

  constructor(options: TickerOptions) {
    this.#options = options;
    const { link, clock, later } = options;
    const onChange = () => this.#changed();
    this.painter = new RowPainter({
      ...{ clock, later, nextFrame: options.nextFrame },
      afterwards: () => this.#drawChart(),
    });
    this.machine = new Machine({ link, later, onChange });
    this.reader = new QuoteReader({
      ...{ link, clock, later, onChange },
      onQuote: (quote) => {
        const row = this.book.receive(quote);
        if (!row) return;
        if (row.symbol === this.#chosen) {
          this.prices.add(quote.at, quote.price);
          this.#hasNewPrice = true;
        }
        this.painter.change(row.symbol);
      },
      onLost: () => void this.#read(),
      onRefused: (words) => this.#fail(words),
    });
  }

  /** What the feed says of itself; undefined until there is an answer. */
  get feed(): QuotesSnapshot | undefined {
    return this.#feed;
  }

  get chosen(): string | undefined {
    return this.#chosen;
  }

  /** In words; undefined while all is well. */
  get problem(): string | undefined {
    return this.#problem ?? this.machine.problem;
  }

  /** Told of what is not drawn by frames: rows have the painter. Returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Told at most once a frame when the chosen symbol has a new price. Returns what ends that. */
  onPrices(listener: () => void): () => void {
    this.#chartListeners.add(listener);
    return () => this.#chartListeners.delete(listener);
  }

  start(): void {
    this.#unwatch = this.#options.link.onConnected(() => this.begin());
    if (this.#options.link.isConnected()) this.begin();
  }

  /** What has not begun yet; also for somebody who wants to try again. */
  begin(): void {
    if (!this.#feed || this.#problem !== undefined) void this.#read();
    void this.machine.begin();
  }

  choose(symbol: string): void {
    if (symbol === this.#chosen) return;
    this.#chosen = symbol;
    this.prices.clear();
    this.#changed();
    void this.#fillPrices(symbol);
  }

  close(): void {
    this.#unwatch?.();
    this.reader.close();
    this.machine.close();
    this.painter.close();
    this.#listeners.clear();
    this.#chartListeners.clear();
  }

  /** All values, and then what follows them. */
  async #read(): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      const snapshot = await this.#options.link.snapshot();
      this.book.reset(snapshot.quotes, this.#options.clock());
      this.#feed = snapshot;
      this.#problem = undefined;
      this.reader.begin(snapshot.position);
      this.#chosen ??= snapshot.quotes[0]?.symbol;
      for (const symbol of this.book.rows.keys()) this.painter.change(symbol);
      if (this.#chosen !== undefined) void this.#fillPrices(this.#chosen);
    } catch (error) {
      this.#problem = readServerError(error).message;
    } finally {
      this.#isAsking = false;
      this.#changed();
    }
  }

  async #fillPrices(symbol: string): Promise<void> {
    // A chart that has no past yet says enough.
    const found = await this.#options.link.historyOf(symbol).catch(() => undefined);
    if (!found || symbol !== this.#chosen) return;
    this.prices.fill(found);
    this.#hasNewPrice = true;
    this.#drawChart();
  }

  #fail(words: string): void {
    this.#problem = words;
    this.#changed();
  }

  #drawChart(): void {
    if (!this.#hasNewPrice) return;
    this.#hasNewPrice = false;
    for (const listener of this.#chartListeners) listener();
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

export interface Place {
  readonly epoch: string;
  readonly offset: number;
}

/** How a subscription stands, as far as it counts here. */
export interface ReadingStatus {
  readonly state: "subscribing" | "subscribed" | "unsubscribed";
  readonly reason?: string;
  readonly code?: number;
  readonly wasRecovering?: boolean;
  readonly recovered?: boolean;
}

export interface TickerLink {
  /** Returns what ends that. */
  onConnected(listener: () => void): () => void;
  isConnected(): boolean;
  snapshot(): Promise<QuotesSnapshot>;
  historyOf(symbol: string): Promise<SymbolHistory>;
  /** The offset of the newest change. */
  head(): Promise<number>;
  readQuotes(
    since: Place,
    listeners: { onQuote(quote: Quote, offset: number): void; onStatus(status: ReadingStatus): void },
  ): () => void;
  /** What the history has, and where it ends. */
  samplesOf(
    metric: Metric,
  ): Promise<{ readonly samples: readonly MachineSample[]; readonly position: Place }>;
  readSamples(
    metric: Metric,
    since: Place,
    listeners: { onSample(sample: MachineSample): void; onStatus(status: ReadingStatus): void },
  ): () => void;
}
