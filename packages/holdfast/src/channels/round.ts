/** Visits the entries of a map round after round, a few at a time, so that no single visit takes long. */
export class Round<V> {
  readonly #map: ReadonlyMap<string, V>;
  #entries: Iterator<[string, V]> | undefined;

  constructor(map: ReadonlyMap<string, V>) {
    this.#map = map;
  }

  /** Visits the next entries; the visitor may remove the entry it gets. Ends early at the end of a round. */
  visit(count: number, visitor: (key: string, value: V) => void): void {
    this.#entries ??= this.#map.entries();
    for (let i = 0; i < count; i++) {
      const step = this.#entries.next();
      if (step.done) {
        this.#entries = undefined;
        return;
      }
      visitor(...step.value);
    }
  }
}
