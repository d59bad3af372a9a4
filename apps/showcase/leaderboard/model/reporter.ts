/**
 * Tells the server of catches: some at a time, one request after the other, and again after a line that broke, since the
 * server counts each once.
 */
import { readServerError } from "../../shared/line/server-error.js";
import type { Catch } from "../server/round-plan.js";
import type { Standing } from "../server/rounds.js";
import type { GameLink, Time } from "./leaderboard.js";

export interface ReporterOptions extends Time {
  readonly round: string;
  readonly link: Pick<GameLink, "report" | "end">;
  readonly onStanding: (standing: Standing) => void;
  /** The server does not count something, or the round any more. */
  readonly onRefused: (why: string) => void;
  /** All is told, or nothing more can be. */
  readonly onDone: () => void;
}

/** So that a score is live, and a quick hand makes no more than some requests a second. */
const pauseMs = 150;
const retryMs = 500;
const unfairCode = 422;

export class Reporter {
  readonly #options: ReporterOptions;
  readonly #waiting: Catch[] = [];
  #isEnding = false;
  #isOver = false;
  #isBusy = false;
  #callOff: (() => void) | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
  }

  /** Catches that the server has not acknowledged. */
  get waiting(): number {
    return this.#waiting.length;
  }

  add(caught: Catch): void {
    this.#waiting.push(caught);
    this.#go();
  }

  /** There will be no more. */
  end(): void {
    this.#isEnding = true;
    this.#go();
  }

  /** Tells nothing more. */
  close(): void {
    this.#isOver = true;
    this.#callOff?.();
  }

  #go(): void {
    if (this.#isBusy || this.#isOver) return;
    if (this.#waiting.length === 0 && !this.#isEnding) return;
    this.#isBusy = true;
    void this.#tell();
  }

  async #tell(): Promise<void> {
    const { link, round, onStanding } = this.#options;
    const told = [...this.#waiting];
    let pause = pauseMs;
    try {
      const isEnd = told.length === 0;
      const standing = await (isEnd ? link.end(round) : link.report(round, told));
      if (this.#isOver) return;
      this.#waiting.splice(0, told.length);
      onStanding(standing);
      if (isEnd) return this.#finish();
    } catch (error) {
      if (this.#isOver) return;
      const { code, message, isFinal } = readServerError(error);
      if (!isFinal) pause = retryMs;
      else if (code === unfairCode) {
        this.#waiting.splice(0, told.length);
        this.#options.onRefused(message);
      } else {
        // Ended at the server meanwhile: nothing is missing then.
        if (told.length > 0) this.#options.onRefused(message);
        return this.#finish();
      }
    }
    this.#callOff = this.#options.later(pause, () => {
      this.#isBusy = false;
      this.#go();
    });
  }

  #finish(): void {
    this.close();
    this.#options.onDone();
  }
}
