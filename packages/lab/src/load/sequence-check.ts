/** Whether one user received every message once and in order. Messages are numbered 1, 2, 3 … in publish order. */

export type Arrival = "next" | "late" | "duplicate";

export class SequenceCheck {
  duplicates = 0;
  /** Messages that came after a later one. */
  outOfOrder = 0;
  /** The greatest number that came. */
  #last = 0;
  /** Below it, those that have not come. */
  readonly #missing = new Set<number>();

  /** How many different messages have come. */
  get received(): number {
    return this.#last - this.#missing.size;
  }

  take(sequence: number): Arrival {
    if (sequence > this.#last) {
      for (let missing = this.#last + 1; missing < sequence; missing++) this.#missing.add(missing);
      this.#last = sequence;
      return "next";
    }
    if (this.#missing.delete(sequence)) {
      this.outOfOrder++;
      return "late";
    }
    this.duplicates++;
    return "duplicate";
  }

  /** @param published how many there were @returns how many of these never came */
  missedOf(published: number): number {
    return published - this.received;
  }
}
