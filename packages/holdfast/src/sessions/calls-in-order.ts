/** Runs calls of one name one after the other, in the order they were asked for; those of different names side by side. */
export class CallsInOrder {
  /** The last of the calls under way, by name. */
  #last: Map<string, Promise<unknown>> | undefined;

  isBusy(name: string): boolean {
    return this.#last?.has(name) ?? false;
  }

  /** Settles, and never rejects, when the calls so far are over; undefined where there is none. */
  pending(name: string): Promise<unknown> | undefined {
    return this.#last?.get(name)?.catch(() => {});
  }

  /** Begins a call once those before are over; calls after it wait only until it has begun. */
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
    };
    running.then(settled, settled);
    return running;
  }
}
