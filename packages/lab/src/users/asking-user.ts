/** A user that asks: at an interval, or with requests that wait. */
import type { HttpAnswer } from "./http-exchange.js";
import { HttpExchange } from "./http-exchange.js";
import { labChannel, type UserContext, VirtualUser } from "./virtual-user.js";

/** Answers with as many, or as long as that, may have been cut off: there is more. */
const fullEntries = 300;
const fullCharacters = 60_000;

export class AskingUser extends VirtualUser {
  readonly #exchange: HttpExchange;
  readonly #waits: boolean;
  /** Where in the interval the user asks, 0 to 1. */
  readonly #phase: number;
  /** The place on the grid that was asked at last. */
  #dueAt = 0;

  constructor(context: UserContext, phase: number, waits: boolean) {
    super(context);
    this.#exchange = new HttpExchange(context.port, context.tally);
    this.#phase = phase;
    this.#waits = waits;
  }

  protected override connect(): void {
    if (this.epoch === undefined) void this.#begin();
    else void this.#ask(true);
  }

  protected override disconnect(): void {
    this.#exchange.close();
  }

  /** Asks where the channel stands. */
  async #begin(): Promise<void> {
    const { requests, intervalMs } = this.context;
    const answer = await this.#request(requests.read(`/channels/${labChannel}?limit=0`, undefined));
    if (answer === undefined) return;
    if (answer.status !== 200) {
      this.fail(`the server answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      return;
    }
    this.take(answer.text);
    this.opened();
    // On one grid for all, however long opening them took.
    this.#dueAt = (Math.floor(performance.now() / intervalMs) - 1 + this.#phase) * intervalMs;
    this.#next(false);
  }

  async #ask(isBack: boolean): Promise<void> {
    const { requests, waitMs, tally } = this.context;
    const { position } = this;
    const wait = this.#waits ? `&wait=${waitMs}ms` : "";
    const target = `/channels/${labChannel}?since=${position}${wait}`;
    const answer = await this.#request(requests.read(target, `W/"${position}"`));
    if (answer === undefined) return;
    if (isBack) this.opened();
    if (answer.status !== 200 && answer.status !== 304) {
      this.fail(`the server answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      return;
    }
    this.checkRecovered(answer.text);
    const count = this.take(answer.text);
    if (count === 0) tally.emptyAnswers++;
    this.#next(count >= fullEntries || answer.text.length >= fullCharacters);
  }

  async #request(text: string): Promise<HttpAnswer | undefined> {
    try {
      const answer = await this.#exchange.request(text);
      if (this.isEnding) return undefined;
      this.context.tally.answers++;
      return answer;
    } catch (error) {
      this.lost((error as Error).message);
      return undefined;
    }
  }

  /** An answer that takes longer than the interval is not asked for twice. */
  #next(isMoreThere: boolean): void {
    if (this.isEnding) return;
    if (this.#waits || isMoreThere) {
      void this.#ask(false);
      return;
    }
    const now = performance.now();
    const { intervalMs } = this.context;
    const dueAt = nextDueMs(this.#dueAt, intervalMs, now);
    this.later(dueAt - now, () => {
      // Taken by now, also where a timer was a little early.
      this.#dueAt = dueAt;
      void this.#ask(false);
    });
  }
}

/**
 * @param lastMs when the user has asked last, or before its first time
 * @returns the next time on the same grid that is not over yet
 */
export function nextDueMs(lastMs: number, intervalMs: number, nowMs: number): number {
  return lastMs + Math.max(1, Math.ceil((nowMs - lastMs) / intervalMs)) * intervalMs;
}
