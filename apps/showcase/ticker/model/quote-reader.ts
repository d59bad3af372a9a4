/**
 * Reads the quotes on from a position, counts them, and can be slow: it leaves the channel for some seconds, keeps its cursor,
 * and comes back with it. (A browser reads its WebSocket whether the page looks or not, so it cannot just not read.)
 */
import type { Quote } from "../server/ticker-types.js";
import type { Place, ReadingStatus, TickerLink } from "./ticker.js";

export interface QuoteReaderOptions {
  readonly link: Pick<TickerLink, "readQuotes" | "head">;
  readonly clock: () => number;
  readonly later: (delayMs: number, task: () => void) => () => void;
  readonly onQuote: (quote: Quote) => void;
  readonly onChange: () => void;
  /** More is missing than the log has: everything has to be read anew. */
  readonly onLost: () => void;
  /** The server has ended it, in words. */
  readonly onRefused: (words: string) => void;
}

export type Slowness =
  | { readonly state: "reading" }
  | { readonly state: "away"; readonly until: number }
  | { readonly state: "catching up" }
  /** Of so many changes that were made meanwhile, so many came. */
  | { readonly state: "back"; readonly made: number; readonly came: number };

export const awayMs = 8000;

export class QuoteReader {
  readonly rates: Rates;
  readonly #options: QuoteReaderOptions;
  #epoch = "";
  #leave: (() => void) | undefined;
  #cancel: (() => void) | undefined;
  #slowness: Slowness = { state: "reading" };
  /** While it catches up: where it left off, what was the newest then, and what came since. */
  #catchUp: { readonly from: number; readonly head: number; came: number } | undefined;

  constructor(options: QuoteReaderOptions) {
    this.#options = options;
    this.rates = new Rates(options.clock);
  }

  get slowness(): Slowness {
    return this.#slowness;
  }

  /** Begins, or goes on where everything was read anew. */
  begin({ epoch, offset }: Place): void {
    this.#epoch = epoch;
    this.#catchUp = undefined;
    this.rates.startAt(offset);
    if (this.#slowness.state === "catching up") this.#become({ state: "reading" });
    // Where it reads already it only was told that something is missing.
    if (!this.#leave && this.#slowness.state !== "away") this.#read({ epoch, offset });
  }

  /** Stops reading for some seconds. */
  beSlow(): void {
    const { later, clock } = this.#options;
    const { offset } = this.rates;
    if (!this.#leave || offset === undefined || this.#slowness.state === "away") return;
    this.#leave();
    this.#leave = undefined;
    this.#cancel = later(awayMs, () => void this.#comeBack(offset));
    this.#become({ state: "away", until: clock() + awayMs });
  }

  close(): void {
    this.#cancel?.();
    this.#leave?.();
    this.#leave = undefined;
  }

  async #comeBack(from: number): Promise<void> {
    this.#become({ state: "catching up" });
    const head = await this.#options.link.head().catch(() => undefined);
    if (this.#leave) return;
    if (head !== undefined) this.#catchUp = { from, head, came: 0 };
    this.#read({ epoch: this.#epoch, offset: from });
    if (head === undefined || head <= from) this.#finish();
  }

  #read(since: Place): void {
    this.#leave = this.#options.link.readQuotes(since, {
      onQuote: (quote, offset) => this.#receive(quote, offset),
      onStatus: (status) => this.#follow(status),
    });
  }

  #receive(quote: Quote, offset: number): void {
    this.rates.receive(offset);
    this.#options.onQuote(quote);
    const catchUp = this.#catchUp;
    if (!catchUp) return;
    if (offset <= catchUp.head) catchUp.came++;
    if (offset >= catchUp.head) this.#finish();
  }

  #follow({ state, code = 0, reason = "", wasRecovering, recovered }: ReadingStatus): void {
    if (state === "subscribed" && wasRecovering && !recovered) this.#options.onLost();
    // Code 0 is this page's own leaving.
    if (state === "unsubscribed" && code !== 0) {
      this.#leave = undefined;
      this.#options.onRefused(reason);
    }
  }

  #finish(): void {
    const catchUp = this.#catchUp;
    this.#catchUp = undefined;
    this.#become(
      catchUp
        ? { state: "back", made: Math.max(0, catchUp.head - catchUp.from), came: catchUp.came }
        : { state: "reading" },
    );
  }

  #become(slowness: Slowness): void {
    this.#slowness = slowness;
    this.#options.onChange();
  }
}

/** How many changes came, and how many did not because newer ones had taken their place: by the numbers of the log. */
export interface Rate {
  readonly received: number;
  readonly passedOver: number;
}

const nothing: Rate = { received: 0, passedOver: 0 };

export class Rates {
  readonly #clock: () => number;
  #second = 0;
  #current = { received: 0, passedOver: 0 };
  #last: Rate = nothing;
  #total = { received: 0, passedOver: 0 };
  #offset: number | undefined;

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  get total(): Rate {
    return this.#total;
  }

  /** The number of the change that came last. */
  get offset(): number | undefined {
    return this.#offset;
  }

  /** Of the second that is over. */
  get perSecond(): Rate {
    this.#turn();
    return this.#last;
  }

  /** What comes follows this number, or is not counted against what came before. */
  startAt(offset: number): void {
    this.#offset = offset;
  }

  receive(offset: number): void {
    this.#turn();
    const passedOver = this.#offset === undefined ? 0 : Math.max(0, offset - this.#offset - 1);
    this.#offset = Math.max(offset, this.#offset ?? 0);
    for (const counts of [this.#current, this.#total]) {
      counts.received++;
      counts.passedOver += passedOver;
    }
  }

  #turn(): void {
    const second = Math.floor(this.#clock() / 1000);
    if (second === this.#second) return;
    this.#last = second === this.#second + 1 ? this.#current : nothing;
    this.#current = { received: 0, passedOver: 0 };
    this.#second = second;
  }
}
