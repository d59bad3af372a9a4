/** Listeners of one event. An error of one affects neither the others nor the SDK. */

/** Receives failures that no caller waits for. */
export type OnError = (error: unknown, context: { readonly stage: string }) => void;

export class Listeners<Arguments extends readonly unknown[]> {
  readonly #all = new Set<{ readonly listener: (...values: Arguments) => void }>();
  readonly #stage: string;
  readonly #onError: OnError;

  /** @param stage what the listeners are for, for `onError` */
  constructor(stage: string, onError: OnError) {
    this.#stage = stage;
    this.#onError = onError;
  }

  /** @returns a function that removes it; a function that is added twice is called twice */
  add(listener: (...values: Arguments) => void): () => void {
    const entry = { listener };
    this.#all.add(entry);
    return () => void this.#all.delete(entry);
  }

  call(...values: Arguments): void {
    for (const { listener } of this.#all) {
      callGuarded(() => listener(...values), this.#stage, this.#onError);
    }
  }

  clear(): void {
    this.#all.clear();
  }
}

export function callGuarded(run: () => void, stage: string, onError: OnError): void {
  try {
    run();
  } catch (error) {
    onError(error, { stage });
  }
}

/** Rethrows as an uncaught error, as browsers do with errors of event listeners. */
export function throwLater(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
