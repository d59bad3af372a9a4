/** Goes round a map, some entries at a time, so that no single visit takes long. */
export class Round<V> {
  readonly #map: ReadonlyMap<string, V>;
  #entries: Iterator<[string, V]> | undefined;

  constructor(map: ReadonlyMap<string, V>) {
    this.#map = map;
  }

  /** Visits the next entries; the visitor may remove the one it is given. Ends early where the round is complete. */
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
