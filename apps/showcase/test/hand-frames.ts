/** Frames that come when a test says so. */
export class HandFrames {
  readonly #waiting = new Set<() => void>();

  get waiting(): number {
    return this.#waiting.size;
  }

  readonly nextFrame = (task: () => void): (() => void) => {
    this.#waiting.add(task);
    return () => this.#waiting.delete(task);
  };

  run(): void {
    const due = [...this.#waiting];
    this.#waiting.clear();
    for (const task of due) task();
  }
}
