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
