/** The newest price of each symbol, with where it came from, and the last seconds for a small drawing. */
import { type Quote, type SymbolState, symbolNames } from "../server/ticker-types.js";

export interface Row {
  readonly symbol: string;
  readonly name: string;
  price: number;
  open: number;
  /** Of the last change: 1 up, -1 down, 0 before there was one. */
  direction: 1 | -1 | 0;
  /** About one price a second, oldest first; the last is the newest there is. */
  recent: number[];
  recentAt: number;
}

const keptRecent = 24;

export class QuoteBook {
  readonly #rows = new Map<string, Row>();

  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  /** All of them, anew. */
  reset(states: readonly SymbolState[], now: number): void {
    const names = new Map(symbolNames.map(({ symbol, name }) => [symbol, name]));
    for (const { symbol, price, open, recent } of states) {
      const name = names.get(symbol) ?? symbol;
      const row: Row = {
        ...{ symbol, name, price, open, direction: 0, recentAt: now },
        recent: [...recent, price].slice(-keptRecent),
      };
      this.#rows.set(symbol, row);
    }
  }

  /** @returns the row that has changed; undefined where there is none, or the price is the same */
  receive({ symbol, price, at }: Quote): Row | undefined {
    const row = this.#rows.get(symbol);
    if (row === undefined || row.price === price) return undefined;
    row.direction = price > row.price ? 1 : -1;
    row.price = price;
    if (at - row.recentAt >= 1000) {
      row.recent.push(price);
      if (row.recent.length > keptRecent) row.recent.shift();
      row.recentAt = at;
    } else row.recent[row.recent.length - 1] = price;
    return row;
  }
}

/** In percent of the first price. */
export function changeOf({ price, open }: Pick<Row, "price" | "open">): number {
  return open === 0 ? 0 : (100 * (price - open)) / open;
}

export type SortKey = "symbol" | "price" | "change";

export interface Order {
  readonly by: SortKey;
  readonly isDescending: boolean;
}

/** The symbols of the rows that a search finds, in order. */
export function symbolsInOrder(
  rows: Iterable<Row>,
  search: string,
  { by, isDescending }: Order,
): readonly string[] {
  const wanted = search.trim().toLowerCase();
  const found = [...rows].filter(
    ({ symbol, name }) => symbol.toLowerCase().includes(wanted) || name.toLowerCase().includes(wanted),
  );
  const sign = isDescending ? -1 : 1;
  const byName = (a: Row, b: Row) => (a.symbol < b.symbol ? -1 : 1);
  const figureOf = by === "price" ? (row: Row) => row.price : changeOf;
  found.sort((a, b) => sign * (by === "symbol" ? byName(a, b) : figureOf(a) - figureOf(b)) || byName(a, b));
  return found.map(({ symbol }) => symbol);
}
