/** Who wants to hear of changes. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  /** Calls a listener after every change; returns what ends that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(): void {
    for (const listener of this.#listeners) listener();
  }

  clear(): void {
    this.#listeners.clear();
  }
}
