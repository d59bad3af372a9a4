/** Tasks for later that a test runs itself. */
import type { Later } from "../../model/changes.js";

export class HandLater {
  readonly #tasks: { readonly delayMs: number; readonly task: () => void }[] = [];

  readonly later: Later = (delayMs, task) => {
    const entry = { delayMs, task };
    this.#tasks.push(entry);
    return () => {
      const at = this.#tasks.indexOf(entry);
      if (at >= 0) this.#tasks.splice(at, 1);
    };
  };

  get delays(): readonly number[] {
    return this.#tasks.map(({ delayMs }) => delayMs);
  }

  /** Runs what waits. */
  run(): void {
    for (const { task } of this.#tasks.splice(0)) task();
  }
}

/** Lets promises that are settled have their say. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
