/**
 * Something that the server knows, loaded and kept current while somebody looks: again after a pause, never twice at a time, and not
 * while the tab is hidden. A failure leaves the last value in place, and is tried again.
 */
import { ApiProblem, messageOf } from "./api.js";
import { Changes, type Later } from "./changes.js";

export interface ResourceOptions<T> {
  readonly load: (signal: AbortSignal, before: T | undefined) => Promise<T>;
  /** Pause between two loads; undefined to load once. */
  readonly everyMs?: number;
  readonly later: Later;
  /** @default always */
  readonly isVisible?: () => boolean;
  /** Shown until the first load: of what was shown in this place before. */
  readonly initial?: T | undefined;
}

/** After a failure, up to this much longer. */
const maxRetryMs = 15_000;
const minRetryMs = 1000;

export class Resource<T> extends Changes {
  readonly #options: ResourceOptions<T>;
  #value: T | undefined;
  #problem: string | undefined;
  #loading: AbortController | undefined;
  #cancel: (() => void) | undefined;
  #failures = 0;
  #isStopped = false;

  constructor(options: ResourceOptions<T>) {
    super();
    this.#options = options;
    this.#value = options.initial;
  }

  get value(): T | undefined {
    return this.#value;
  }

  /** Why the last load failed. */
  get problem(): string | undefined {
    return this.#problem;
  }

  get isLoading(): boolean {
    return this.#loading !== undefined;
  }

  /** Loads now, in place of a load in progress. */
  refresh(): void {
    if (this.#isStopped) return;
    this.#cancel?.();
    this.#loading?.abort();
    const loading = new AbortController();
    this.#loading = loading;
    void this.#load(loading);
    this.changed();
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#loading?.abort();
    this.#loading = undefined;
  }

  async #load(loading: AbortController): Promise<void> {
    try {
      const value = await this.#options.load(loading.signal, this.#value);
      if (this.#loading !== loading) return;
      this.#value = value;
      this.#problem = undefined;
      this.#failures = 0;
    } catch (error) {
      if (this.#loading !== loading) return;
      this.#problem = messageOf(error);
      // What the server refuses, it refuses again.
      this.#failures = error instanceof ApiProblem && error.kind === "refused" ? 0 : this.#failures + 1;
    }
    this.#loading = undefined;
    this.#plan();
    this.changed();
  }

  #plan(): void {
    const { everyMs, later } = this.#options;
    const retryMs = Math.min(maxRetryMs, minRetryMs * 2 ** (this.#failures - 1));
    const delayMs = this.#failures > 0 ? Math.max(retryMs, everyMs ?? 0) : everyMs;
    if (delayMs !== undefined) this.#cancel = later(delayMs, () => this.#again());
  }

  #again(): void {
    const { isVisible = () => true } = this.#options;
    if (isVisible()) this.refresh();
    else this.#cancel = this.#options.later(minRetryMs, () => this.#again());
  }
}
