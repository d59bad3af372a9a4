/** Values in order. Finding a place takes some comparisons, and putting something there moves what comes after. */

export class SortedList<T> {
  readonly #compare: (a: T, b: T) => number;
  readonly #values: T[];

  /** @param compare negative where the first comes before the second; never 0 for two of the list */
  constructor(compare: (a: T, b: T) => number, values: Iterable<T>) {
    this.#compare = compare;
    this.#values = [...values].sort(compare);
  }

  get length(): number {
    return this.#values.length;
  }

  at(place: number): T {
    return this.#values[place] as T;
  }

  add(value: T): void {
    this.#values.splice(this.placeOf(value), 0, value);
  }

  remove(value: T): void {
    const place = this.placeOf(value);
    if (place < this.#values.length && this.#compare(this.at(place), value) === 0)
      this.#values.splice(place, 1);
  }

  /** How many come before a value, which need not be there. */
  placeOf(value: T): number {
    let low = 0;
    let high = this.#values.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(this.at(middle), value) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
