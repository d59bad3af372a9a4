/**
 * What this window has drawn, on its way into the log: one message after the other, some twenty a second, each with a key of
 * its own so that it counts once. Waits while the line is cut.
 */
import { readServerError } from "../../shared/line/server-error.js";
import { type BoardEvent, updatesPerSecond } from "../server/board.js";
import type { Time } from "./canvas.js";

export interface OutboxOptions extends Time {
  readonly publish: (event: BoardEvent, key: string) => Promise<unknown>;
  /** Something will never be in the log; nor will what waited of the same stroke. */
  readonly onRefused: (event: BoardEvent, why: string) => void;
  readonly onChange: () => void;
}

interface Waiting {
  readonly event: BoardEvent;
  readonly key: string;
}

/** Messages that may wait; of full parts they are some 60,000 points. */
export const maxWaiting = 1000;
const pauseMs = 1000 / updatesPerSecond;
const retryMs = 500;
const tooFastCode = 429;
/** From here on codes are about the connection, which comes back. */
const firstConnectionCode = 3000;

export class Outbox {
  readonly #options: OutboxOptions;
  readonly #waiting: Waiting[] = [];
  #sending: Waiting | undefined;
  #isClosed = false;
  #callOff: (() => void) | undefined;

  constructor(options: OutboxOptions) {
    this.#options = options;
  }

  /** Messages that are not in the log, as far as is known. */
  get size(): number {
    return this.#waiting.length;
  }

  get isFull(): boolean {
    return this.#waiting.length >= maxWaiting;
  }

  /** Whether something is not sent yet, and so may still grow. */
  isOpen(event: BoardEvent): boolean {
    return this.#waiting.at(-1)?.event === event && this.#sending?.event !== event;
  }

  add(event: BoardEvent, key: string): void {
    this.#waiting.push({ event, key });
    // What comes within the same turn goes with it.
    this.#callOff ??= this.#options.later(0, () => this.#next());
  }

  close(): void {
    this.#isClosed = true;
    this.#callOff?.();
  }

  #next(): void {
    this.#callOff = undefined;
    const [first] = this.#waiting;
    if (first && !this.#sending && !this.#isClosed) void this.#send(first);
  }

  async #send(waiting: Waiting): Promise<void> {
    const { clock, publish } = this.#options;
    const { event, key } = waiting;
    const sentAt = clock();
    this.#sending = waiting;
    let pause = pauseMs;
    try {
      await publish(event, key);
      this.#waiting.shift();
      pause = Math.max(0, sentAt + pauseMs - clock());
    } catch (error) {
      const { code, message, isFinal } = readServerError(error);
      if (!isFinal || code === tooFastCode || code >= firstConnectionCode) pause = retryMs;
      else this.#refuse(waiting, message);
    }
    this.#sending = undefined;
    if (this.#isClosed) return;
    this.#callOff?.();
    this.#callOff = this.#options.later(pause, () => this.#next());
    this.#options.onChange();
  }

  #refuse({ event }: Waiting, why: string): void {
    const isOfSame = (other: BoardEvent) =>
      other === event || (other.kind !== "clear" && event.kind === "part" && other.stroke === event.stroke);
    const left = this.#waiting.filter((each) => !isOfSame(each.event));
    this.#waiting.splice(0, this.#waiting.length, ...left);
    if (!this.#isClosed) this.#options.onRefused(event, why);
  }
}
