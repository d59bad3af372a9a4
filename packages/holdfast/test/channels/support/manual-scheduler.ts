/** Stands for the event loop's turns: what is scheduled runs when a test says so. */
import { settle } from "../../support/fake-clock.js";

const maxTurns = 100_000;
const settleRounds = 10;

export class ManualScheduler {
  #waiting: (() => void)[] = [];

  get waiting(): number {
    return this.#waiting.length;
  }

  readonly schedule = (run: () => void): void => {
    this.#waiting.push(run);
  };

  /** One turn: runs what was scheduled before it, not what that schedules. */
  turn(): void {
    const due = this.#waiting;
    this.#waiting = [];
    for (const run of due) run();
  }

  /** Turns, and promises between them, until nothing is left to do. */
  async runAll(): Promise<void> {
    for (let turns = 0; turns < maxTurns; turns++) {
      // Commands that wait for each other make long chains of promises.
      for (let i = 0; i < settleRounds; i++) await settle();
      if (this.#waiting.length === 0) return;
      this.turn();
    }
    throw new Error(`there is still something to do after ${maxTurns} turns`);
  }
}
