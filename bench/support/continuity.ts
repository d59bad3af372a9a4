/** Whether readers of one channel got its log whole: each offset once, the same publication at each, none missing. */

export class Continuity {
  epoch = "";
  /** Of the last publication that came, or where the subscription began. */
  offset = 0;
  /** The highest number of a publisher's that came. */
  sequence = 0;
  /** Offsets that were passed over. */
  gaps = 0;
  /** Publications that came again, at the same offset or at another. */
  duplicates = 0;

  begin(epoch: string, offset: number): void {
    this.epoch = epoch;
    this.offset = offset;
  }

  /** @param sequence the publisher's number, which rises within a channel */
  take(offset: number, sequence: number): void {
    if (offset <= this.offset) {
      this.duplicates++;
      return;
    }
    if (sequence <= this.sequence) this.duplicates++;
    else this.sequence = sequence;
    this.gaps += offset - this.offset - 1;
    this.offset = offset;
  }
}

/** What all know of one channel together: which publication stands where, and which were acknowledged. */
export class Ledger {
  /** The highest offset that anybody has seen. */
  head = 0;
  /** Times that two saw different publications at one offset. */
  contradictions = 0;
  /** The highest sequence number that was acknowledged. */
  lastAcknowledged = 0;
  readonly #sequences = new Map<number, number>();
  readonly #acknowledged = new Set<number>();

  see(offset: number, sequence: number): void {
    const known = this.#sequences.get(offset);
    if (known === undefined) this.#sequences.set(offset, sequence);
    else if (known !== sequence) this.contradictions++;
    if (offset > this.head) this.head = offset;
  }

  acknowledge(sequence: number): void {
    this.#acknowledged.add(sequence);
    if (sequence > this.lastAcknowledged) this.lastAcknowledged = sequence;
  }

  /** Publications that were acknowledged and that nobody ever saw. */
  countLost(): number {
    const seen = new Set(this.#sequences.values());
    return [...this.#acknowledged].filter((sequence) => !seen.has(sequence)).length;
  }
}
