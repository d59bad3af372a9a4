/** What models tell their listeners: that something has changed. */
export class Changes {
  readonly #listeners = new Set<() => void>();

  /** @returns what ends that */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  protected changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}

/** Calls a task later, once; returns what cancels it. */
export type Later = (delayMs: number, task: () => void) => () => void;
