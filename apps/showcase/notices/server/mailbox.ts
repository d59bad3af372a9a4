/** Brings notifications to people, and keeps what they have read. Where somebody may not, says so by a rejection. */
import { reject, type User } from "holdfast";
import { TokenBuckets } from "holdfast/internal";
import type { Moderation } from "../../server/moderation.js";
import type { PartContext } from "../../server/part.js";
import { type NameRecord, nameKey } from "../../server/sessions.js";
import { maps } from "../../server/store.js";
import { canonicalName, tidyName } from "../../server/text-rules.js";
import { emptyMarks, type Marks, type MarksChange, withChange } from "./marks.js";
import type { NoticeInput } from "./notice.js";

export interface MailboxContext extends PartContext {
  readonly moderation: Pick<Moderation, "admit">;
}

export const noticesOf = (user: string) => `notices:${user}`;
export const marksOf = (user: string) => `notice-marks:${user}`;
/** The one key in a person's map. */
export const marksKey = "marks";

const notWelcomeCode = 403;
const unknownCode = 404;
const staleCode = 409;
const tooManyCode = 429;

export class Mailbox {
  readonly #context: MailboxContext;
  readonly #inTurn = new InTurn();
  readonly #delayed: Delayed;
  // Five at once and then one in three seconds; nobody gets more than twenty at once and then one in two.
  readonly #sending = new TokenBuckets({ perSecond: 1 / 3, burst: 5 });
  readonly #receiving = new TokenBuckets({ perSecond: 1 / 2, burst: 20 });

  constructor(context: MailboxContext, later: Later) {
    this.#context = context;
    this.#delayed = new Delayed({ later, maxOfOne: 3, maxOfAll: 1000 });
  }

  open(): void {
    this.#delayed.open();
  }

  close(): void {
    this.#delayed.close();
  }

  /**
   * From one person to another, by name.
   * @returns the other's name as they write it
   */
  async send(sender: User, name: string, text: string): Promise<{ readonly name: string }> {
    const { store, now, moderation } = this.#context;
    await this.assertWelcome(sender);
    await moderation.admit(sender.id, noticesOf(sender.id));
    // Before it is looked for, so that nobody finds out names by the thousand.
    assertNoWait(this.#sending.take(sender.id, now()), "you have sent many");
    const found = await store.read<NameRecord>(maps.names, nameKey(canonicalName(name)));
    if (found === undefined) return reject(unknownCode, `there is nobody named ${tidyName(name)}`);
    assertNoWait(this.#receiving.take(found.user, now()), `${found.name} has received many`);
    const from = { id: sender.id, name: (sender.info as { readonly name: string }).name };
    await this.#publish(found.user, { text, from });
    return { name: found.name };
  }

  /** To oneself, in some seconds. */
  async sendLater(user: User, seconds: number): Promise<void> {
    await this.assertWelcome(user);
    const { onError } = this.#context;
    const notice = {
      title: "Here it is",
      text: `You asked for this one ${seconds} s ago. It found every window you have open.`,
      from: "Holdfast",
    };
    const isTaken = this.#delayed.add(user.id, seconds * 1000, () => {
      this.#publish(user.id, notice).catch((error: unknown) => onError(error, { stage: "notifying" }));
    });
    if (!isTaken) reject(tooManyCode, "too many are pending; wait for one of them");
  }

  /** One change after the other, so that none of two windows is forgotten. */
  async mark(user: User, change: MarksChange): Promise<Marks> {
    await this.assertWelcome(user);
    const { store } = this.#context;
    return await this.#inTurn.run(user.id, async () => {
      const { position } = await store.server.history(noticesOf(user.id) as never, { limit: 0 });
      if (position.epoch !== change.epoch)
        return reject(staleCode, "these notifications are no longer kept; load the page again");
      const kept = await store.read<Marks>(marksOf(user.id), marksKey);
      const marks = kept?.epoch === position.epoch ? kept : emptyMarks(position.epoch);
      const changed = withChange(marks, change, position.offset);
      await store.write<Marks>(marksOf(user.id), marksKey, changed);
      return changed;
    });
  }

  async assertWelcome(user: User): Promise<void> {
    if (user.id === "" || !(await this.#context.isWelcome(user)))
      reject(notWelcomeCode, "a moderator has banned you");
  }

  async #publish(user: string, notice: NoticeInput): Promise<void> {
    await this.#context.store.server.publish(noticesOf(user) as never, notice as never);
  }
}

function assertNoWait(waitMs: number, what: string): void {
  if (waitMs > 0) reject(tooManyCode, `${what}: try again in ${Math.ceil(waitMs / 1000)} s`);
}

/** Runs a task after a time. @returns what prevents that */
export type Later = (delayMs: number, task: () => void) => () => void;

/** The process may end meanwhile. */
export const later: Later = (delayMs, task) => {
  const timer = setTimeout(task, delayMs);
  timer.unref();
  return () => clearTimeout(timer);
};

export interface DelayedOptions {
  readonly later: Later;
  readonly maxOfOne: number;
  readonly maxOfAll: number;
}

export class Delayed {
  readonly #options: DelayedOptions;
  readonly #waiting = new Map<string, Set<() => void>>();
  #count = 0;
  #isOpen = true;

  constructor(options: DelayedOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#count;
  }

  open(): void {
    this.#isOpen = true;
  }

  /** Drops all that waits. */
  close(): void {
    this.#isOpen = false;
    for (const cancels of this.#waiting.values()) for (const cancel of cancels) cancel();
    this.#waiting.clear();
    this.#count = 0;
  }

  /** @returns false where as many wait as may */
  add(person: string, delayMs: number, task: () => void): boolean {
    const { later: runLater, maxOfOne, maxOfAll } = this.#options;
    const own = this.#waiting.get(person) ?? new Set();
    if (!this.#isOpen || own.size >= maxOfOne || this.#count >= maxOfAll) return false;
    const cancel = runLater(delayMs, () => {
      own.delete(cancel);
      if (own.size === 0) this.#waiting.delete(person);
      this.#count--;
      task();
    });
    own.add(cancel);
    this.#waiting.set(person, own);
    this.#count++;
    return true;
  }
}

/** Carries out what belongs to one person one after the other, and that of others meanwhile. */
export class InTurn {
  readonly #last = new Map<string, Promise<unknown>>();

  /** Persons of whom something is under way. */
  get size(): number {
    return this.#last.size;
  }

  async run<Result>(person: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(person) ?? Promise.resolve();
    const mine = before.then(task, task);
    this.#last.set(person, mine);
    try {
      return await mine;
    } finally {
      if (this.#last.get(person) === mine) this.#last.delete(person);
    }
  }
}
