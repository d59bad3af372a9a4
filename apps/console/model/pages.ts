/** A list that the server gives page by page: where one is, and the way forth and back. */
import { Changes } from "./changes.js";

export class Pages extends Changes {
  /** Where each page begins, up to the current one; undefined for the first. */
  #starts: (string | undefined)[] = [undefined];

  /** For the server's `after`. */
  get after(): string | undefined {
    return this.#starts.at(-1);
  }

  get number(): number {
    return this.#starts.length;
  }

  forth(next: string): void {
    this.#starts.push(next);
    this.changed();
  }

  back(): void {
    if (this.#starts.length > 1) this.#starts.pop();
    this.changed();
  }

  /** Another list begins at its first page. */
  reset(): void {
    this.#starts = [undefined];
    this.changed();
  }
}
