/** What the ticker's channels and methods carry. Runs in the page, too. */

/** Of kind `latest`, with the symbol as key. What is in it is made up. */
export const quotesChannel = "quotes:generated";

/** A symbol has a new price. */
export interface Quote {
  readonly symbol: string;
  readonly price: number;
  /** Unix milliseconds, by the clock of the server. */
  readonly at: number;
}

/** All symbols at once, for somebody who begins. */
export interface QuotesSnapshot {
  /** What has changed since then is read from the channel. */
  readonly position: { readonly epoch: string; readonly offset: number };
  readonly seed: number;
  /** What the feed makes each second while it runs. */
  readonly changesPerSecond: number;
  /** When the feed began, this time. */
  readonly startedAt: number;
  /** How long it goes on after the last reader has left. */
  readonly lingerMs: number;
  readonly quotes: readonly SymbolState[];
}

export interface SymbolState {
  readonly symbol: string;
  readonly price: number;
  /** What its change is reckoned from. */
  readonly open: number;
  /** Its prices of the last seconds, one for each, oldest first. */
  readonly recent: readonly number[];
}

/** One symbol's prices of the last two minutes, one for each second, oldest first. */
export interface SymbolHistory {
  readonly times: readonly number[];
  readonly prices: readonly number[];
}

export const metrics = ["load", "memory", "network"] as const;
export type Metric = (typeof metrics)[number];

/** What this machine's own meters say. */
export interface MachineSample {
  /** Unix milliseconds, by the clock of the server. */
  readonly at: number;
  /**
   * `load`: `busy` in percent; `memory`: `used` and `total` in bytes; `network`: `received` and `sent` in bytes a second.
   */
  readonly values: Readonly<Record<string, number>>;
}

/** So many samples are kept, one for each second. */
export const keptSamples = 180;

export interface SymbolName {
  readonly symbol: string;
  readonly name: string;
}

// No two of either begin with the same two letters.
const places = [
  ...["Amber", "Anchor", "Baltic", "Brine", "Coral", "Curlew", "Dogger", "Fisher", "Gannet", "Gulf"],
  ...["Harbour", "Kelp", "Limpet", "Marram", "North", "Otter", "Pelican", "Salt", "Tidal", "Wind"],
];
const trades = ["Buoys", "Charts", "Docks", "Ferries", "Lamps", "Nets", "Ropes", "Sails", "Tides", "Works"];

export const symbolNames: readonly SymbolName[] = places.flatMap((place) =>
  trades.map((trade) => ({
    symbol: (place.slice(0, 2) + trade.slice(0, 2)).toUpperCase(),
    name: `${place} ${trade}`,
  })),
);
