/** What the ticker needs of the server. All promises reject when there is no answer, or the server refuses. */
import type { MachineSample, Metric, Quote, QuotesSnapshot, SymbolHistory } from "../server/ticker-types.js";

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
