/** A server of the ticker that does what a test tells it to. */
import type { Place, ReadingStatus, TickerLink } from "../../ticker/model/ticker.js";
import type { MachineSample, Metric, Quote } from "../../ticker/server/ticker-types.js";
import { refusal } from "../refusal.js";

interface QuoteListeners {
  onQuote(quote: Quote, offset: number): void;
  onStatus(status: ReadingStatus): void;
}

export class FakeLink implements TickerLink {
  epoch = "e1";
  offset = 100;
  prices: Record<string, number> = { KEDO: 10, AMBU: 20 };
  failure: string | undefined;
  connected = true;
  samples: Record<string, MachineSample[]> = {};
  readonly readings: { since: Place; listeners: QuoteListeners; isOver: boolean }[] = [];
  readonly meters = new Map<Metric, { since: Place; onSample: (sample: MachineSample) => void }>();
  readonly meterStatus = new Map<Metric, (status: ReadingStatus) => void>();
  snapshots = 0;
  #onConnected: () => void = () => {};

  onConnected(listener: () => void): () => void {
    this.#onConnected = listener;
    return () => {
      this.#onConnected = () => {};
    };
  }

  isConnected(): boolean {
    return this.connected;
  }

  connect(): void {
    this.connected = true;
    this.#onConnected();
  }

  async snapshot() {
    this.snapshots++;
    if (this.failure !== undefined) throw refusal("quotes", 403, this.failure);
    const quotes = Object.entries(this.prices).map(([symbol, price]) => ({
      ...{ symbol, price, open: 10 },
      recent: [price],
    }));
    return {
      position: { epoch: this.epoch, offset: this.offset },
      ...{ seed: 7, changesPerSecond: 440, startedAt: 0, lingerMs: 15_000, quotes },
    };
  }

  async historyOf(symbol: string) {
    return { times: [1000, 2000], prices: [1, this.prices[symbol] ?? 0] };
  }

  async head(): Promise<number> {
    return this.offset;
  }

  readQuotes(since: Place, listeners: QuoteListeners): () => void {
    const reading = { since, listeners, isOver: false };
    this.readings.push(reading);
    return () => {
      reading.isOver = true;
    };
  }

  /** Publishes, which whoever reads now is told of. */
  publish(symbol: string, price: number, at = 3000): void {
    this.offset++;
    this.prices[symbol] = price;
    const reading = this.readings.at(-1);
    if (reading && !reading.isOver) reading.listeners.onQuote({ symbol, price, at }, this.offset);
  }

  async samplesOf(metric: Metric) {
    return { samples: this.samples[metric] ?? [], position: { epoch: this.epoch, offset: 1 } };
  }

  readSamples(
    metric: Metric,
    since: Place,
    listeners: { onSample(sample: MachineSample): void; onStatus(status: ReadingStatus): void },
  ): () => void {
    this.meters.set(metric, { since, onSample: listeners.onSample });
    this.meterStatus.set(metric, listeners.onStatus);
    return () => this.meters.delete(metric);
  }
}
