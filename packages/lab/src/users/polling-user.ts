/** A user that polls: at an interval, or with requests that wait (long polling). */
import { HttpExchange, type HttpResponse } from "../node/http-exchange.js";
import { labChannel, type UserContext, VirtualUser } from "./virtual-user.js";

/** A response with as many entries or characters may be truncated: there is more. */
const fullResponseEntries = 300;
const fullResponseCharacters = 60_000;

export class PollingUser extends VirtualUser {
  readonly #exchange: HttpExchange;
  readonly #waits: boolean;
  /** Where in the interval the user polls, 0 to 1. */
  readonly #phase: number;
  /** The time on the grid of the last poll. */
  #dueAt = 0;

  constructor(context: UserContext, phase: number, waits: boolean) {
    super(context);
    this.#exchange = new HttpExchange(context.port, context.tally);
    this.#phase = phase;
    this.#waits = waits;
  }

  protected override connect(): void {
    if (this.epoch === undefined) void this.#readPosition();
    else void this.#poll(true);
  }

  protected override disconnect(): void {
    this.#exchange.close();
  }

  /** Reads the position of the channel. */
  async #readPosition(): Promise<void> {
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

  async #poll(isReconnect: boolean): Promise<void> {
    const { requests, waitMs, tally } = this.context;
    const { position } = this;
    const wait = this.#waits ? `&wait=${waitMs}ms` : "";
    const target = `/channels/${labChannel}?since=${position}${wait}`;
    const answer = await this.#request(requests.read(target, `W/"${position}"`));
    if (answer === undefined) return;
    if (isReconnect) this.opened();
    if (answer.status !== 200 && answer.status !== 304) {
      this.fail(`the server answered ${answer.status}: ${answer.text.slice(0, 200)}`);
      return;
    }
    this.checkRecovered(answer.text);
    const count = this.take(answer.text);
    if (count === 0) tally.emptyResponses++;
    this.#next(count >= fullResponseEntries || answer.text.length >= fullResponseCharacters);
  }

  async #request(text: string): Promise<HttpResponse | undefined> {
    try {
      const answer = await this.#exchange.request(text);
      if (this.isEnding) return undefined;
      this.context.tally.responses++;
      return answer;
    } catch (error) {
      this.lost((error as Error).message);
      return undefined;
    }
  }

  /** A poll that takes longer than the interval is not repeated meanwhile. */
  #next(hasMore: boolean): void {
    if (this.isEnding) return;
    if (this.#waits || hasMore) {
      void this.#poll(false);
      return;
    }
    const now = performance.now();
    const { intervalMs } = this.context;
    const dueAt = nextDueMs(this.#dueAt, intervalMs, now);
    this.later(dueAt - now, () => {
      // Even where a timer was a little early.
      this.#dueAt = dueAt;
      void this.#poll(false);
    });
  }
}

/**
 * @param lastMs the time of the last poll, or one before the first
 * @returns the next time on the same grid that is not over yet
 */
export function nextDueMs(lastMs: number, intervalMs: number, nowMs: number): number {
  return lastMs + Math.max(1, Math.ceil((nowMs - lastMs) / intervalMs)) * intervalMs;
}
