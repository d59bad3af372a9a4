/**
 * Whether somebody is there: begins something with the first reader, and ends it some time after the last has left. There is
 * a timer only in between.
 */
import type { Repeat } from "./part.js";

export interface WatchOptions {
  /** How many are subscribed now. */
  readonly count: () => Promise<number>;
  /** How long it goes on without anybody: those whose line is cut for a moment come back. */
  readonly lingerMs: number;
  readonly begin: () => void;
  readonly end: () => void;
  /** Unix milliseconds. */
  readonly now: () => number;
  readonly repeat: Repeat;
  readonly onError: (error: unknown) => void;
}

const lookEveryMs = 1000;

export class Watch {
  readonly #options: WatchOptions;
  #isOpen = false;
  #isLooking = false;
  #lastSeenAt = 0;
  #stopLooking: (() => void) | undefined;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#stopLooking !== undefined;
  }

  /** From now on `arrive` begins something. */
  open(): void {
    this.#isOpen = true;
  }

  /** Ends it for good, whoever is there. */
  close(): void {
    this.#isOpen = false;
    this.#end();
  }

  /** Ends it until somebody comes anew. */
  rest(): void {
    this.#end();
  }

  /** Somebody comes. */
  arrive(): void {
    if (!this.#isOpen) return;
    this.#lastSeenAt = this.#options.now();
    if (this.#stopLooking) return;
    this.#stopLooking = this.#options.repeat(lookEveryMs, () => void this.#look());
    this.#options.begin();
  }

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    const { count, now, lingerMs, onError } = this.#options;
    this.#isLooking = true;
    try {
      if ((await count()) > 0) this.#lastSeenAt = now();
      else if (now() - this.#lastSeenAt >= lingerMs) this.#end();
    } catch (error) {
      onError(error);
      this.#end();
    } finally {
      this.#isLooking = false;
    }
  }

  #end(): void {
    if (!this.#stopLooking) return;
    this.#stopLooking();
    this.#stopLooking = undefined;
    this.#options.end();
  }
}
