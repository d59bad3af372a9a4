/**
 * Writes what connections have gathered, once per turn of the event loop: one write each, however many messages they were
 * sent. A long row of connections is cut into slices, so that reading, timers and others get their turn in between.
 */
import { OutputBatch } from "./output-batch.js";

export interface Flushable {
  flush(): void;
}

const sliceMs = 4;
/** How many are flushed between looks at the clock. */
const stride = 32;

export class Flusher {
  /** Where every batch begins. */
  readonly empty = OutputBatch.createEmpty();
  #waiting: Flushable[] = [];
  #isScheduled = false;

  /** Each must be added once at most until it is flushed. */
  add(flushable: Flushable): void {
    this.#waiting.push(flushable);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const waiting = this.#waiting;
    this.#waiting = [];
    this.empty.forget();
    const end = performance.now() + sliceMs;
    for (let i = 0; i < waiting.length; i++) {
      if (i % stride === stride - 1 && performance.now() > end) {
        // Those that are left come first in the next turn.
        const left = waiting.slice(i);
        this.#waiting = this.#waiting.length === 0 ? left : [...left, ...this.#waiting];
        this.#schedule();
        return;
      }
      try {
        (waiting[i] as Flushable).flush();
      } catch (error) {
        // Reported as an uncaught error; the others are flushed all the same.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }
}
