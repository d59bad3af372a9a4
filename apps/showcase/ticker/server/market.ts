/**
 * A made-up market: prices that walk at random around where they began, the same walk for the same seed. Knows no clock and
 * no timers; whoever has it says when a step is taken.
 */
import { createRandom } from "@holdfast/lab/load";
import { type Quote, type SymbolHistory, type SymbolState, symbolNames } from "./ticker-types.js";

interface Walker {
  readonly symbol: string;
  /** In cents, as all prices here. */
  readonly open: number;
  /** How far a step goes, as a share of the price. */
  readonly reach: number;
  price: number;
  /** One for each second that was recorded. */
  readonly past: number[];
}

export const keptSeconds = 120;
export const recentSeconds = 24;
/** What draws a price back to where it began, so that none walks away for good. */
const pull = 0.004;
/** No price gets further from where it began than by this factor. */
const farthest = 2;

export class Market {
  readonly #random: () => number;
  readonly #walkers: readonly Walker[];
  readonly #bySymbol: ReadonlyMap<string, Walker>;
  /** Indexes of the walkers, in an order that is shuffled as it is used. */
  readonly #order: number[];
  readonly #times: number[] = [];

  constructor(seed: number) {
    const random = createRandom(seed);
    this.#random = random;
    this.#walkers = symbolNames.map(({ symbol }) => {
      const open = Math.round(100 * 4 ** (1 + 3 * random()));
      return { symbol, open, reach: 0.0006 + 0.0022 * random(), price: open, past: [] };
    });
    this.#bySymbol = new Map(this.#walkers.map((walker) => [walker.symbol, walker]));
    this.#order = this.#walkers.map((_, index) => index);
  }

  /** The time of the last record; undefined before the first. */
  get recordedAt(): number | undefined {
    return this.#times.at(-1);
  }

  /** Gives some symbols, each another, a new price. */
  step(count: number, now: number): Quote[] {
    const order = this.#order;
    const most = Math.min(count, order.length);
    for (let place = 0; place < most; place++) {
      const other = place + Math.floor(this.#random() * (order.length - place));
      [order[place], order[other]] = [order[other] as number, order[place] as number];
    }
    return order.slice(0, most).map((index) => {
      const walker = this.#walkers[index] as Walker;
      this.#move(walker);
      return { symbol: walker.symbol, price: walker.price / 100, at: now };
    });
  }

  /** Notes all prices for the charts. To be called once for each second. */
  record(now: number): void {
    append(this.#times, now);
    for (const { past, price } of this.#walkers) append(past, price);
  }

  /** Walks through a while that nobody has seen, so that charts are not empty at the start. */
  catchUp(now: number, changesPerSecond: number): void {
    const { recordedAt } = this;
    const away = recordedAt === undefined ? keptSeconds : Math.floor((now - recordedAt) / 1000) - 1;
    for (let left = Math.min(away, keptSeconds); left > 0; left--) {
      this.step(changesPerSecond, now);
      this.record(now - left * 1000);
    }
  }

  snapshot(): SymbolState[] {
    return this.#walkers.map(({ symbol, price, open, past }) => ({
      symbol,
      price: price / 100,
      open: open / 100,
      recent: past.slice(-recentSeconds).map((cents) => cents / 100),
    }));
  }

  /** Undefined where there is no such symbol. */
  historyOf(symbol: string): SymbolHistory | undefined {
    const walker = this.#bySymbol.get(symbol);
    return walker && { times: [...this.#times], prices: walker.past.map((cents) => cents / 100) };
  }

  #move(walker: Walker): void {
    const { open, price, reach } = walker;
    // The sum of three is close enough to a bell.
    const chance = 2 * (this.#random() + this.#random() + this.#random()) - 3;
    const next = Math.round(price * Math.exp(reach * chance - pull * Math.log(price / open)));
    const moved = next === price ? price + (chance < 0 ? -1 : 1) : next;
    walker.price = Math.min(Math.max(moved, Math.ceil(open / farthest)), open * farthest);
  }
}

function append(past: number[], value: number): void {
  past.push(value);
  if (past.length > keptSeconds) past.shift();
}
