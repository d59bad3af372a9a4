/** Commands for one channel take effect in the order they came; those for different channels do not wait for each other. */

/** Runs calls with the same name one after the other, in order; calls with different names run concurrently. */
export class CallsInOrder {
  /** The last pending call, by name. */
  #last: Map<string, Promise<unknown>> | undefined;

  /** Whether none is pending. */
  get isIdle(): boolean {
    return this.#last === undefined;
  }

  isBusy(name: string): boolean {
    return this.#last?.has(name) ?? false;
  }

  /** Resolves when the calls so far have settled, and never rejects; undefined if there are none. */
  pending(name: string): Promise<unknown> | undefined {
    return this.#last?.get(name)?.catch(() => {});
  }

  /** Starts a call once earlier ones have settled; later calls wait only until it has started. */
  begin<T>(name: string, call: () => T | Promise<T>): T | Promise<T> {
    if (!this.isBusy(name)) return call();
    return new Promise<T>((resolve) => {
      void this.run(name, async () => resolve((async () => call())()));
    });
  }

  run<T>(name: string, call: () => Promise<T>): Promise<T> {
    this.#last ??= new Map();
    const all = this.#last;
    const last = all.get(name);
    const running = last === undefined ? call() : last.then(call, call);
    all.set(name, running);
    const settled = () => {
      if (all.get(name) === running) all.delete(name);
      // Most sessions have nothing pending, and an empty map takes more memory than the rest of this.
      if (all.size === 0 && this.#last === all) this.#last = undefined;
    };
    running.then(settled, settled);
    return running;
  }
}
