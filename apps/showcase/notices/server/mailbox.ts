/** Brings notifications to people, and keeps what they have read. Where somebody may not, says so by a rejection. */

import type { User } from "holdfast";
import { reject } from "holdfast";
import { Allowance } from "../../server/allowance.js";
import type { Moderation } from "../../server/moderation.js";
import { canonicalName, tidyName } from "../../server/names.js";
import type { PartContext } from "../../server/part.js";
import { type NameRecord, nameKey } from "../../server/sessions.js";
import { maps } from "../../server/store.js";
import { Delayed, type Later } from "./delayed.js";
import { InTurn } from "./in-turn.js";
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
  readonly #sending = new Allowance({ burst: 5, everyMs: 3000 });
  readonly #receiving = new Allowance({ burst: 20, everyMs: 2000 });

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
    if (found === undefined) return reject(unknownCode, `nobody here is called ${tidyName(name)}`);
    assertNoWait(this.#receiving.take(found.user, now()), `${found.name} has got many`);
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
    if (!isTaken) reject(tooManyCode, "as many are under way as may be; wait for one of them");
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
