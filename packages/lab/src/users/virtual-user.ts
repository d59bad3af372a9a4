/** One user, whatever the transport: a place in the channel, the messages that came, and coming back after a loss. */

import { epochIn, scanMessages } from "../payload.js";
import type { LabTransport } from "../report/index.js";
import type { RequestText } from "../request-text.js";
import { SequenceCheck } from "../sequence-check.js";
import type { Tally } from "../tally.js";

export const labChannel = "lab";

/** What users of a run share. */
export interface UserContext {
  readonly port: number;
  readonly tally: Tally;
  readonly requests: RequestText;
  readonly intervalMs: number;
  readonly waitMs: number;
  readonly random: () => number;
  /** For each publication that reaches a user for the first time. */
  readonly onDelivery: (sequence: number) => void;
}

const firstBackoffMs = 50;
const mostBackoffMs = 1000;
/** An SDK that cannot come in at all would go on for good; a run should end. */
const mostAttempts = 60;

export abstract class VirtualUser {
  readonly check = new SequenceCheck();
  isOpen = false;
  protected readonly context: UserContext;
  protected isEnding = false;
  protected epoch: string | undefined;
  protected offset = 0;
  #attempts = 0;
  #timer: NodeJS.Timeout | undefined;
  #onOpen: (() => void) | undefined;

  constructor(context: UserContext) {
    this.context = context;
  }

  /** Resolves when the user is there for the first time, or is ended before. */
  open(): Promise<void> {
    return new Promise((resolve) => {
      this.#onOpen = resolve;
      this.connect();
    });
  }

  end(): void {
    this.isEnding = true;
    clearTimeout(this.#timer);
    this.#onOpen?.();
    this.disconnect();
  }

  /** Begins anew, from the position where there is one. Leads to `opened` or `lost`. */
  protected abstract connect(): void;

  /** Lets go of everything, at once. */
  protected abstract disconnect(): void;

  protected get position(): string | undefined {
    return this.epoch === undefined ? undefined : `${this.epoch}:${this.offset}`;
  }

  protected opened(): void {
    if (this.isOpen) this.context.tally.reconnects++;
    this.isOpen = true;
    this.#attempts = 0;
    this.#onOpen?.();
    this.#onOpen = undefined;
  }

  /** The connection is gone, and not by the user's own doing. */
  protected lost(reason: string): void {
    if (this.isEnding) return;
    const { tally, random } = this.context;
    if (this.isOpen) tally.cuts++;
    else tally.noteError(`a user could not connect: ${reason}`);
    this.#attempts++;
    if (this.#attempts > mostAttempts) {
      this.fail(`a user gave up after ${mostAttempts} attempts: ${reason}`);
      return;
    }
    const backoffMs = Math.min(mostBackoffMs, firstBackoffMs * 2 ** this.#attempts) * (0.5 + random() / 2);
    this.later(backoffMs, () => this.connect());
  }

  /** For good: what came makes no sense. */
  protected fail(message: string): void {
    if (this.isEnding) return;
    this.context.tally.noteError(message);
    this.end();
  }

  /** One thing at a time. */
  protected later(milliseconds: number, run: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(run, milliseconds);
  }

  /**
   * Reads whole messages: their numbers, and the position they end at.
   * @returns how many publications there were
   */
  protected take(text: string): number {
    let count = 0;
    const { tally, onDelivery } = this.context;
    const offset = scanMessages(text, (sequence) => {
      count++;
      tally.deliveries++;
      if (this.check.take(sequence) !== "duplicate") onDelivery(sequence);
    });
    this.epoch ??= epochIn(text);
    if (offset !== undefined && offset > this.offset) this.offset = offset;
    return count;
  }

  /** A stream that can be read no further from where the user was has lost messages: worth an error. */
  protected checkRecovered(text: string): void {
    if (text.includes('"recovered":false'))
      this.context.tally.noteError(`the server could not go on from ${this.position ?? "the start"}`);
  }
}

export type UserFactory = (context: UserContext, index: number, users: number) => VirtualUser;
export type UserFactories = Readonly<Record<LabTransport, UserFactory>>;
