/** Tasks that are carried out later: bounded for each person and in all, and dropped when the server ends. */

/** Runs a task after a time. @returns what prevents that */
export type Later = (delayMs: number, task: () => void) => () => void;

/** The process may end meanwhile. */
export const later: Later = (delayMs, task) => {
  const timer = setTimeout(task, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};

export interface DelayedOptions {
  readonly later: Later;
  readonly maxOfOne: number;
  readonly maxOfAll: number;
}

export class Delayed {
  readonly #options: DelayedOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;
  #isOpen = true;

  constructor(options: DelayedOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Drops all that waits. */
  close(): void {
    this.#isOpen = false;
    for (const cancels of this.#waiting.values()) for (const cancel of cancels) cancel();
    this.#waiting.clear();
    this.#count = 0;
  }

  /** @returns false where as many wait as may */
  add(person: string, delayMs: number, task: () => void): boolean {
    const { later: runLater, maxOfOne, maxOfAll } = this.#options;
    const own = this.#waiting.get(person) ?? new Set();
    if (!this.#isOpen || own.size >= maxOfOne || this.#count >= maxOfAll) return false;
    const cancel = runLater(delayMs, () => {
      own.delete(cancel);
      if (own.size === 0) this.#waiting.delete(person);
      this.#count--;
      task();
    });
    own.add(cancel);
    this.#waiting.set(person, own);
    this.#count++;
    return true;
  }
}
