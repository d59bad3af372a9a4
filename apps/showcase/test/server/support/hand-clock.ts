/** A clock that a test moves on, and timers that go by it. */
import type { Later } from "../../../notices/server/mailbox.js";
import type { Repeat } from "../../../server/part.js";

interface Timer {
  at: number;
  readonly everyMs: number | undefined;
  readonly task: () => void;
}

export class HandClock {
  #now: number;
  readonly #timers = new Set<Timer>();

  constructor(now = 1_800_000_000_000) {
    this.#now = now;
  }

  /** Timers that are running. */
  get timers(): number {
    return this.#timers.size;
  }

  readonly now = (): number => this.#now;

  readonly repeat: Repeat = (everyMs, task) => this.#add({ at: this.#now + everyMs, everyMs, task });

  readonly later: Later = (delayMs, task) => this.#add({ at: this.#now + delayMs, everyMs: undefined, task });

  /** Runs what is due on the way, each in its turn, and what that begins. */
  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!due) break;
      this.#now = due.at;
      if (due.everyMs === undefined) this.#timers.delete(due);
      else due.at += due.everyMs;
      due.task();
      await settled();
    }
    this.#now = end;
    await settled();
  }

  #add(timer: Timer): () => void {
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}

/** Lets go on what waits for nothing but its turn. */
async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}
